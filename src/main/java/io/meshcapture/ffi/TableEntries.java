package io.meshcapture.ffi;

import com.kenai.jffi.LastError;
import com.kenai.jffi.MemoryIO;
import com.kenai.jffi.Type;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * The rules of a table of iptables-legacy as the kernel keeps them (linux/netfilter_ipv4/ip_tables.h and its sister for
 * IPv6), in the calling thread's network namespace. The kernel asks for CAP_NET_ADMIN there, and for no raw socket, which the
 * programs open.
 */
public final class TableEntries {
    private static final int AF_INET = 2;
    private static final int AF_INET6 = 10;

    /** SOCK_DGRAM and SOCK_CLOEXEC. */
    private static final int DATAGRAM = 2 | 02000000;

    private static final int SOL_IP = 0;
    private static final int SOL_IPV6 = 41;

    /** IPT_SO_GET_INFO, IP6T_SO_GET_INFO; and the entries. */
    private static final int GET_INFO = 64;

    private static final int GET_ENTRIES = 65;

    /** Bytes of a table's name, of struct ipt_getinfo, where in that the size of the entries stands, and what comes before them. */
    private static final int NAME = 32;

    private static final int INFO = 84;
    private static final int INFO_SIZE = 80;
    private static final int HEADER = 40;

    /** How often a table may change between the question for its size and that for its entries. */
    private static final int TRIES = 5;

    private static final MemoryIO MEMORY = MemoryIO.getInstance();

    private TableEntries() {}

    /**
     * Reads a table that is there.
     *
     * @return its entries one after the other, null where it changes too often
     * @throws IOException that says why it cannot be read; asking for a table that is not there would bring it about
     */
    public static byte @Nullable [] read(boolean ipv6, String table) throws IOException {
        NativeLibrary library = NativeLibrary.ofC();
        int descriptor = checked(library.function("socket", Type.SINT32, Type.SINT32, Type.SINT32, Type.SINT32)
                .call(ipv6 ? AF_INET6 : AF_INET, DATAGRAM, 0));
        try {
            for (int i = 0; i < TRIES; i++) {
                byte[] info = asked(descriptor, ipv6, GET_INFO, table, INFO, 0);
                int size = info == null
                        ? 0
                        : ByteBuffer.wrap(info).order(ByteOrder.nativeOrder()).getInt(INFO_SIZE);
                byte[] entries = asked(descriptor, ipv6, GET_ENTRIES, table, HEADER + size, size);
                if (entries != null) {
                    return Arrays.copyOfRange(entries, HEADER, entries.length);
                }
            }
            return null;
        } finally {
            library.function("close", Type.SINT32, Type.SINT32).call(descriptor);
        }
    }

    /** Null where the table has another size by now. */
    private static byte @Nullable [] asked(int descriptor, boolean ipv6, int what, String table, int length, int size)
            throws IOException {
        long buffer = MEMORY.allocateMemory((long) length + Integer.BYTES, true);
        try {
            byte[] name = table.getBytes(StandardCharsets.US_ASCII);
            MEMORY.putByteArray(buffer, name, 0, Math.min(name.length, NAME - 1));
            if (what == GET_ENTRIES) {
                MEMORY.putInt(buffer + NAME, size);
            }
            MEMORY.putInt(buffer + length, length);
            long answer = NativeLibrary.ofC()
                    .function(
                            "getsockopt",
                            Type.SINT32,
                            Type.SINT32,
                            Type.SINT32,
                            Type.SINT32,
                            Type.POINTER,
                            Type.POINTER)
                    .call(descriptor, ipv6 ? SOL_IPV6 : SOL_IP, what, buffer, buffer + length);
            if (answer < 0 && LastError.getInstance().get() == Errno.EAGAIN) {
                return null;
            }
            checked(answer);
            byte[] bytes = new byte[length];
            MEMORY.getByteArray(buffer, bytes, 0, length);
            return bytes;
        } finally {
            MEMORY.freeMemory(buffer);
        }
    }

    private static int checked(long answer) throws IOException {
        if (answer < 0) {
            throw new IOException(Errno.words(LastError.getInstance().get()));
        }
        return (int) answer;
    }
}
