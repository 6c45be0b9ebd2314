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

/**
 * TCP sockets of the calling thread's network namespace, from {@link SocketDiag}, or, where the kernel lacks that, from
 * /proc/thread-self/net/tcp and tcp6 (proc_net_tcp.txt).
 */
public final class SocketTable {

    private static final int TIME_WAIT = 6;
    private static final int CLOSED = 7;
    private static final int LISTEN = 10;

    /** SYN_RECV as it stands in the established hash, before the handshake is complete. */
    private static final int NEW_SYN_RECV = 12;

    private static final int STATES_LISTENING = 1 << LISTEN;
    private static final int STATES_OPEN =
            ((1 << (NEW_SYN_RECV + 1)) - 2) & ~((1 << TIME_WAIT) | (1 << CLOSED) | (1 << LISTEN));

    private SocketTable() {}

    /**
     * A connection as its local end sees it. An IPv4 connection of an IPv6 socket counts as IPv4, which it is on the wire.
     *
     * @param local local address
     * @param localPort local port
     * @param remote remote address
     * @param remotePort remote port
     */
    public record Open(Address local, int localPort, Address remote, int remotePort) {
        // written out: what the compiler makes for records is linked at the first call, 10 ms of every start

        @Override
        public boolean equals(Object other) {
            return other instanceof Open open
                    && open.localPort == localPort
                    && open.remotePort == remotePort
                    && open.local.equals(local)
                    && open.remote.equals(remote);
        }

        @Override
        public int hashCode() {
            return (remote.hashCode() * 31 + remotePort) * 31 + localPort;
        }
    }

    /**
     * A listening socket.
     *
     * @param address the address that it listens on; all zeros for any
     * @param port its port
     * @param ipv6Only whether it is one of IPv6 that leaves IPv4 alone
     * @param uid whose socket it is, in this process's user namespace
     */
    public record Listening(Address address, int port, boolean ipv6Only, long uid) {

        /** Whether a connection to a loopback address reaches it. */
        public boolean serves(Address loopback) {
            boolean any = address.high() == 0 && address.low() == 0;
            boolean bothFamilies = address.family() == Family.IPV6 && !ipv6Only;
            return address.equals(loopback) || (any && (address.family() == loopback.family() || bothFamilies));
        }
    }

    /** Connections that packets may still be sent on. */
    public static List<Open> open() {
        List<Open> found = new ArrayList<>();
        boolean told = SocketDiag.dump(
                STATES_OPEN,
                (local, localPort, remote, remotePort, _, _) ->
                        found.add(new Open(local, localPort, remote, remotePort)));
        if (!told) {
            found.clear();
            read((local, localPort, remote, remotePort, state, _) -> {
                if (((1 << state) & STATES_OPEN) != 0) {
                    found.add(new Open(local, localPort, remote, remotePort));
                }
                return true;
            });
        }
        return found;
    }

    /** Listening sockets. */
    public static List<Listening> listening() {
        List<Listening> found = new ArrayList<>();
        boolean told = SocketDiag.dump(
                STATES_LISTENING,
                (local, localPort, remote, remotePort, ipv6Only, uid) ->
                        found.add(new Listening(local, localPort, ipv6Only, uid)));
        if (!told) {
            found.clear();
            read((local, localPort, remote, remotePort, state, uid) -> {
                if (state == LISTEN) {
                    found.add(new Listening(local, localPort, false, uid)); // /proc does not show ipv6Only
                }
                return state == LISTEN; // they stand first
            });
        }
        return found;
    }

    private interface Line {
        /** Takes one socket; answers whether to read on. */
        boolean take(Address local, int localPort, Address remote, int remotePort, int state, long uid);
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
                Integer.parseInt(text, state, state + 2, 16),
                uid(text, state + 2));
    }

    /** After the queues, the timer and the retransmissions: {@code 00000000:00000000 00:00000000 00000000  1337}. */
    private static long uid(String text, int afterState) {
        return Long.parseLong(text.substring(afterState).strip().split(" +", -1)[3]);
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
