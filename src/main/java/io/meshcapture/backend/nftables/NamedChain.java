package io.meshcapture.backend.nftables;

import io.meshcapture.ffi.LibNftables;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * A chain of somebody else's.
 *
 * @param table family and name, such as {@code ip nat}
 * @param name its name; empty for a table without chains
 * @param hook {@code type nat hook output priority -100; policy accept;}, or empty where nothing asks it by itself
 */
public record NamedChain(String table, String name, String hook) {

    private static final Pattern TABLE = Pattern.compile("table (\\S+ \\S+) \\{.*");
    private static final Pattern CHAIN = Pattern.compile("\\s*chain (\\S+) \\{.*");
    private static final Pattern HOOK = Pattern.compile("\\s*(type \\S+ hook .*)");

    /** Those of the calling thread's network namespace, in the order of the listing, ours left out. */
    public static List<NamedChain> ofOthers() {
        try (NftContext nft = NftContext.open()) {
            return ofOthers(nft);
        }
    }

    static List<NamedChain> ofOthers(NftContext nft) {
        return parse(nft.run("list chains", LibNftables.OUTPUT_STATELESS).output());
    }

    static List<NamedChain> parse(String listing) {
        List<NamedChain> found = new ArrayList<>();
        String table = "";
        for (String line : listing.split("\n", -1)) {
            Matcher tableLine = TABLE.matcher(line);
            Matcher chainLine = CHAIN.matcher(line);
            Matcher hookLine = HOOK.matcher(line);
            boolean isOurs = table.equals(Ruleset.TABLE);
            if (tableLine.matches()) {
                table = tableLine.group(1);
                if (!table.equals(Ruleset.TABLE)) {
                    found.add(new NamedChain(table, "", ""));
                }
            } else if (chainLine.matches() && !isOurs) {
                found.add(new NamedChain(table, chainLine.group(1), ""));
            } else if (hookLine.matches() && !isOurs && !found.isEmpty()) {
                NamedChain last = found.removeLast();
                found.add(new NamedChain(last.table(), last.name(), HookPriority.numbered(hookLine.group(1))));
            }
        }
        return found;
    }
}
