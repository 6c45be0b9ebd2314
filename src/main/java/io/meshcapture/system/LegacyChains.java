package io.meshcapture.system;

import io.meshcapture.ffi.TableEntries;
import io.meshcapture.plan.Family;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.Set;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;

/**
 * The names of the chains that somebody made in tables of iptables-legacy. A chain begins with an entry whose target is called
 * ERROR and carries its name (struct xt_error_target).
 */
public final class LegacyChains {

    /** Where in struct ipt_entry, and in struct ip6t_entry, the offsets of its target and of the next entry stand. */
    private static final int OFFSETS_IPV4 = 88;

    private static final int OFFSETS_IPV6 = 140;

    /** Bytes of struct xt_entry_target: a size, a name of 29, a revision. */
    private static final int TARGET = 32;

    private static final int TARGET_NAME = 2;
    private static final int TARGET_NAME_BYTES = 29;

    /** XT_FUNCTION_MAXNAMELEN. */
    private static final int CHAIN_BYTES = 30;

    private static final String BEGINNING = "ERROR";

    private LegacyChains() {}

    /**
     * Of all tables that are there, of a family, in the calling thread's network namespace.
     *
     * @return null where the kernel does not say, such as to whom lacks CAP_NET_ADMIN
     */
    public static @Nullable Set<String> of(Family family) {
        Set<String> tables = LegacyTables.names(family);
        if (tables == null) {
            return null;
        }
        Set<String> chains = new TreeSet<>();
        for (String table : tables) {
            try {
                byte[] entries = TableEntries.read(family == Family.IPV6, table);
                if (entries == null || !read(entries, family == Family.IPV6, chains)) {
                    return null;
                }
            } catch (IOException e) {
                return null; // whoever has to know asks the programs, which say why
            }
        }
        return chains;
    }

    /** False where they are not what they should be. */
    static boolean read(byte[] entries, boolean ipv6, Set<String> chains) {
        ByteBuffer buffer = ByteBuffer.wrap(entries).order(ByteOrder.nativeOrder());
        int offsets = ipv6 ? OFFSETS_IPV6 : OFFSETS_IPV4;
        int at = 0;
        while (at < entries.length) {
            if (at + offsets + 4 > entries.length) {
                return false;
            }
            int target = at + (buffer.getShort(at + offsets) & 0xffff);
            int next = buffer.getShort(at + offsets + 2) & 0xffff;
            if (next == 0 || target + TARGET > entries.length) {
                return false;
            }
            boolean begins =
                    text(entries, target + TARGET_NAME, TARGET_NAME_BYTES).equals(BEGINNING);
            if (begins && target + TARGET + CHAIN_BYTES <= entries.length) {
                chains.add(text(entries, target + TARGET, CHAIN_BYTES));
            }
            at += next;
        }
        chains.remove(BEGINNING); // the last entry, which ends the table
        return true;
    }

    private static String text(byte[] bytes, int from, int atMost) {
        int length = 0;
        while (length < atMost && bytes[from + length] != 0) {
            length++;
        }
        return new String(bytes, from, length, StandardCharsets.US_ASCII);
    }
}
