package io.meshcapture.system;

import io.meshcapture.plan.Address;
import io.meshcapture.plan.Family;
import io.meshcapture.system.SocketTable.Open;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.List;

/**
 * Sockets from /proc/thread-self/net/tcp, tcp6, udp and udp6 (proc_net_tcp.txt), for kernels without {@link SocketDiag}.
 * They show neither cookies nor control groups, nor whether a socket leaves IPv4 alone.
 */
final class ProcSockets {
    private ProcSockets() {}

    /** Takes one socket. */
    interface Taker {
        /**
         * One call a socket.
         *
         * @param state its TCP state (net/tcp_states.h)
         * @return whether to read on in this file
         */
        boolean take(Open socket, int state);
    }

    /**
     * Reads the files of both families.
     *
     * @param protocol tcp or udp
     */
    static void read(String protocol, Taker taker) {
        for (String file : List.of(protocol, protocol + "6")) {
            try (BufferedReader reader = Files.newBufferedReader(Path.of("/proc/thread-self/net", file))) {
                reader.readLine(); // the heading
                for (String text = reader.readLine(); text != null; text = reader.readLine()) {
                    if (!take(text, taker)) {
                        break;
                    }
                }
            } catch (NoSuchFileException e) {
                // no IPv6 in this kernel: nothing to read
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        }
    }

    /**
     * {@code   0: 0100007F:3A99 00000000:0000 0A ...}; after the state come the queues, the timer, the retransmissions, the
     * uid, the probes and the inode: {@code 00000000:00000000 00:00000000 00000000  1337  0 27115}.
     */
    static boolean take(String text, Taker taker) {
        int local = text.indexOf(": ") + 2;
        int localPort = text.indexOf(':', local);
        int remote = text.indexOf(' ', localPort) + 1;
        int remotePort = text.indexOf(':', remote);
        int state = text.indexOf(' ', remotePort) + 1;
        String[] rest = text.substring(state + 2).strip().split(" +", -1);
        Open socket = new Open(
                address(text, local, localPort),
                Integer.parseInt(text, localPort + 1, localPort + 5, 16),
                address(text, remote, remotePort),
                Integer.parseInt(text, remotePort + 1, remotePort + 5, 16),
                false,
                Long.parseLong(rest[3]),
                Long.parseLong(rest[5]),
                0,
                0,
                0);
        return taker.take(socket, Integer.parseInt(text, state, state + 2, 16));
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
