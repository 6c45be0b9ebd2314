package io.meshcapture.ffi;

import com.kenai.jffi.MemoryIO;
import com.kenai.jffi.Type;
import java.util.ArrayList;
import java.util.List;

/** getaddrinfo(3) as programs in C see it: the hosts file, name servers, and whatever nsswitch.conf puts between. */
public final class NameLookup {
    /** asm-generic/socket.h and netdb.h; offsets in struct addrinfo as every 64-bit Linux has them (glibc and musl). */
    private static final int AF_INET = 2;

    private static final int AF_INET6 = 10;
    private static final int SOCK_STREAM = 1;
    private static final int HINTS = 48;
    private static final int FAMILY = 4;
    private static final int SOCKTYPE = 8;
    private static final int ADDRESS = 24;
    private static final int NEXT = 40;

    /** Offsets of the address in struct sockaddr_in and sockaddr_in6. */
    private static final int IPV4_ADDRESS = 4;

    private static final int IPV6_ADDRESS = 8;

    private NameLookup() {}

    /** The addresses of a name in one family, each of 4 or 16 bytes, in the order in which they come; none where it has none. */
    public static List<byte[]> of(String name, boolean ipv6) {
        NativeLibrary library = NativeLibrary.ofC();
        MemoryIO memory = MemoryIO.getInstance();
        long hints = memory.allocateMemory(HINTS + 8, true);
        try (NativeText text = new NativeText(name)) {
            memory.putInt(hints + FAMILY, ipv6 ? AF_INET6 : AF_INET);
            memory.putInt(hints + SOCKTYPE, SOCK_STREAM);
            long answer = hints + HINTS;
            long failed = library.function(
                            "getaddrinfo", Type.SINT32, Type.POINTER, Type.POINTER, Type.POINTER, Type.POINTER)
                    .call(text.address(), 0, hints, answer);
            List<byte[]> addresses = new ArrayList<>();
            if (failed != 0) {
                return addresses;
            }
            long first = memory.getLong(answer);
            for (long entry = first; entry != 0; entry = memory.getLong(entry + NEXT)) {
                byte[] address = new byte[ipv6 ? 16 : 4];
                long socket = memory.getLong(entry + ADDRESS);
                memory.getByteArray(socket + (ipv6 ? IPV6_ADDRESS : IPV4_ADDRESS), address, 0, address.length);
                addresses.add(address);
            }
            library.function("freeaddrinfo", Type.VOID, Type.POINTER).call(first);
            return addresses;
        } finally {
            memory.freeMemory(hints);
        }
    }
}
