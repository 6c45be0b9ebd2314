package io.meshcapture.lab;

import java.net.InetAddress;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;

/**
 * An address and a port as people write them, {@code 10.99.0.1:8080}, {@code [fd99::1]:8080} or
 * {@code [fe80::1%eth0]:8080}, and as the kernel does ({@code struct sockaddr_in} and {@code sockaddr_in6}, ip(7) and
 * ipv6(7)).
 *
 * @param address without brackets; IPv6 as RFC 5952 writes it, with the name of the interface if it has a scope
 * @param port 0 to 65535
 */
record Endpoint(String address, int port) {
    static final int AF_INET = 2;
    static final int AF_INET6 = 10;
    /** That of the longer of the two structures. */
    static final int SOCKADDR_BYTES = 28;

    private static final byte[] MAPPED = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, -1, -1};

    static Endpoint parse(String text) {
        int colon = text.lastIndexOf(':');
        String address = text.substring(0, colon);
        boolean bracketed = address.startsWith("[") && address.endsWith("]");
        if (!bracketed && address.contains(":")) {
            throw new IllegalArgumentException("\"" + text + "\": write an IPv6 address in brackets");
        }
        return new Endpoint(
                bracketed ? address.substring(1, address.length() - 1) : address,
                Integer.parseInt(text.substring(colon + 1)));
    }

    int family() {
        return address.contains(":") ? AF_INET6 : AF_INET;
    }

    byte[] sockaddr() {
        var out = ByteBuffer.allocate(family() == AF_INET ? 16 : SOCKADDR_BYTES).order(ByteOrder.nativeOrder());
        out.putShort((short) family());
        putPort(out);
        if (family() == AF_INET) {
            return out.put(InetAddress.ofLiteral(address).getAddress()).array();
        }
        int percent = address.indexOf('%');
        String scope = percent < 0 ? "" : address.substring(percent + 1);
        out.putInt(0).put(bytes(percent < 0 ? address : address.substring(0, percent)));
        return out.putInt(scope.isEmpty() ? 0 : Kernel.LIBC.if_nametoindex(scope))
                .array();
    }

    /** The IPv4 address in the shape in which a socket of the IPv6 family reaches it, {@code ::ffff:a.b.c.d}. */
    byte[] mappedSockaddr() {
        var out = ByteBuffer.allocate(SOCKADDR_BYTES).order(ByteOrder.nativeOrder());
        out.putShort((short) AF_INET6);
        putPort(out);
        return out.putInt(0)
                .put(MAPPED)
                .put(InetAddress.ofLiteral(address).getAddress())
                .array();
    }

    static Endpoint of(byte[] sockaddr) {
        var in = ByteBuffer.wrap(sockaddr).order(ByteOrder.nativeOrder());
        int family = in.getShort();
        int port = in.order(ByteOrder.BIG_ENDIAN).getShort() & 0xffff;
        if (family == AF_INET) {
            return new Endpoint(dotted(in), port);
        }
        in.getInt();
        int[] groups = new int[8];
        for (int i = 0; i < groups.length; i++) {
            groups[i] = in.getShort() & 0xffff;
        }
        int scope = in.order(ByteOrder.nativeOrder()).getInt();
        return new Endpoint(colons(groups) + (scope == 0 ? "" : "%" + interfaceName(scope)), port);
    }

    /** The address as it is written before a port, in brackets if need be. */
    static String withPort(String address, int port) {
        return (address.contains(":") ? "[" + address + "]" : address) + ":" + port;
    }

    @Override
    public String toString() {
        return withPort(address, port);
    }

    private void putPort(ByteBuffer out) {
        out.put((byte) (port >> 8)).put((byte) port);
    }

    /** {@link InetAddress} makes an IPv4 address of {@code ::ffff:a.b.c.d}; a sockaddr_in6 wants all sixteen bytes. */
    private static byte[] bytes(String literal) {
        byte[] bytes = InetAddress.ofLiteral(literal).getAddress();
        return bytes.length == 16
                ? bytes
                : ByteBuffer.allocate(16).put(MAPPED).put(bytes).array();
    }

    private static String dotted(ByteBuffer in) {
        return (in.get() & 0xff) + "." + (in.get() & 0xff) + "." + (in.get() & 0xff) + "." + (in.get() & 0xff);
    }

    /** RFC 5952: the longest run of two or more zero groups, the first of equals, becomes {@code ::}. */
    private static String colons(int[] groups) {
        int from = -1;
        int length = 1;
        for (int i = 0; i < groups.length; i++) {
            int end = i;
            while (end < groups.length && groups[end] == 0) {
                end++;
            }
            if (end - i > length) {
                from = i;
                length = end - i;
            }
        }
        if (from < 0) {
            return joined(groups, 0, groups.length);
        }
        return joined(groups, 0, from) + "::" + joined(groups, from + length, groups.length);
    }

    private static String joined(int[] groups, int from, int to) {
        List<String> written = new ArrayList<>();
        for (int i = from; i < to; i++) {
            written.add(Integer.toHexString(groups[i]));
        }
        return String.join(":", written);
    }

    private static String interfaceName(int index) {
        byte[] name = new byte[16];
        if (Kernel.LIBC.if_indextoname(index, name) == null) {
            return String.valueOf(index);
        }
        return new String(name, StandardCharsets.US_ASCII).trim();
    }
}
