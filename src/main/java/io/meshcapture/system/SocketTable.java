package io.meshcapture.system;

import io.meshcapture.plan.Address;
import io.meshcapture.plan.Family;
import java.io.BufferedReader;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** TCP sockets of the calling thread's network namespace, from /proc/thread-self/net/tcp and tcp6 (proc_net_tcp.txt). */
public final class SocketTable {

    private static final int LISTEN = 0x0a;
    private static final int TIME_WAIT = 0x06;
    private static final int CLOSED = 0x07;

    private SocketTable() {}

    /**
     * A connection as its local end sees it. An IPv4 connection of an IPv6 socket counts as IPv4, which it is on the wire.
     *
     * @param local local address
     * @param localPort local port
     * @param remote remote address
     * @param remotePort remote port
     */
    public record Open(Address local, int localPort, Address remote, int remotePort) {}

    /**
     * A listening socket.
     *
     * @param address the address that it listens on; all zeros for any
     * @param port its port
     */
    public record Listening(Address address, int port) {

        /** Whether a connection to a loopback address of that family reaches it. */
        public boolean serves(Address loopback) {
            boolean any = address.high() == 0 && address.low() == 0;
            // a socket on [::] serves IPv4 as well, unless it was told not to, which /proc does not show
            return address.equals(loopback) || (any && (address.family() == loopback.family() || isIpv6(address)));
        }

        private static boolean isIpv6(Address address) {
            return address.family() == Family.IPV6;
        }
    }

    /** Connections that packets may still be sent on. */
    public static List<Open> open() {
        List<Open> found = new ArrayList<>();
        read((local, localPort, remote, remotePort, state) -> {
            if (state != LISTEN && state != TIME_WAIT && state != CLOSED) {
                found.add(new Open(local, localPort, remote, remotePort));
            }
            return true;
        });
        return found;
    }

    /** Listening sockets. They stand first in the files, so that many connections cost nothing. */
    public static List<Listening> listening() {
        List<Listening> found = new ArrayList<>();
        read((local, localPort, remote, remotePort, state) -> {
            if (state == LISTEN) {
                found.add(new Listening(local, localPort));
            }
            return state == LISTEN;
        });
        return found;
    }

    private interface Line {
        /** Takes one socket; answers whether to read on. */
        boolean take(Address local, int localPort, Address remote, int remotePort, int state);
    }

    private static void read(Line line) {
        for (String file : List.of("tcp", "tcp6")) {
            try (BufferedReader reader = Files.newBufferedReader(Path.of("/proc/thread-self/net", file))) {
                reader.readLine(); // the heading
                for (String text = reader.readLine(); text != null; text = reader.readLine()) {
                    if (!take(text, line)) {
                        break;
                    }
                }
            } catch (NoSuchFileException e) {
                // no IPv6 in this kernel: nothing to read
            } catch (IOException e) {
                throw new java.io.UncheckedIOException(e);
            }
        }
    }

    /** {@code   0: 0100007F:3A99 00000000:0000 0A ...}. */
    private static boolean take(String text, Line line) {
        int local = text.indexOf(": ") + 2;
        int localPort = text.indexOf(':', local);
        int remote = text.indexOf(' ', localPort) + 1;
        int remotePort = text.indexOf(':', remote);
        int state = text.indexOf(' ', remotePort) + 1;
        return line.take(
                address(text, local, localPort),
                Integer.parseInt(text, localPort + 1, localPort + 5, 16),
                address(text, remote, remotePort),
                Integer.parseInt(text, remotePort + 1, remotePort + 5, 16),
                Integer.parseInt(text, state, state + 2, 16));
    }

    /** Words of four bytes in the machine's order, which is little-endian on every platform that jffi has a stub for. */
    private static Address address(String text, int start, int end) {
        if (end - start == 8) {
            return Address.ipv4(word(text, start));
        }
        long high = (long) word(text, start) << 32 | (word(text, start + 8) & 0xffffffffL);
        long low = (long) word(text, start + 16) << 32 | (word(text, start + 24) & 0xffffffffL);
        boolean mapped = high == 0 && low >>> 32 == 0xffff;
        return mapped ? Address.ipv4((int) low) : new Address(Family.IPV6, high, low);
    }

    private static int word(String text, int start) {
        return Integer.reverseBytes(Integer.parseUnsignedInt(text, start, start + 8, 16));
    }
}
