package io.meshcapture.system;

import io.meshcapture.failure.Failure;
import io.meshcapture.ffi.Errno;
import io.meshcapture.plan.Address;
import io.meshcapture.plan.Family;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * TCP and UDP sockets of the calling thread's network namespace, from {@link SocketDiag}, or, where the kernel lacks that,
 * from {@link ProcSockets}.
 */
public final class SocketTable {

    /** States of net/tcp_states.h. */
    private static final int TIME_WAIT = 6;

    private static final int CLOSED = 7;
    private static final int LISTEN = 10;

    /** SYN_RECV as it stands in the established hash, before the handshake is complete. */
    private static final int NEW_SYN_RECV = 12;

    private static final int STATES_LISTENING = 1 << LISTEN;
    private static final int STATES_OPEN =
            ((1 << (NEW_SYN_RECV + 1)) - 2) & ~((1 << TIME_WAIT) | (1 << CLOSED) | (1 << LISTEN));

    /** UDP sockets are ESTABLISHED where they are connected, and CLOSED otherwise. */
    private static final int STATES_ANY = -1;

    private SocketTable() {}

    /**
     * A socket as it sees itself: one end of a TCP connection, or one of UDP, whose remote end is all zeros where it is not
     * connected. An IPv4 connection of an IPv6 socket counts as IPv4, which it is on the wire.
     *
     * <p>Two are equal where both ends are, whatever else is known of them: those who compare them ask whether packets of
     * the one would be taken for packets of the other. Which of two sockets it is that had these ends one after the other
     * is told by the cookie, and {@link #abort} goes by that.
     *
     * @param local local address
     * @param localPort local port
     * @param remote remote address
     * @param remotePort remote port
     * @param ipv6Only whether it is one of IPv6 that leaves IPv4 alone
     * @param uid whose socket it is, in this process's user namespace
     * @param inode of its file, as in {@code socket:[INODE]} of /proc/PID/fd; 0 where no process has it open any more
     * @param cookie a number that no other socket has until the next boot; 0 where unknown
     * @param cgroup id of the control group (cgroup v2) that it was opened in; 0 where unknown (before Linux 5.8)
     * @param device index of the interface that it is bound to (SO_BINDTODEVICE), 0 for none
     */
    public record Open(
            Address local,
            int localPort,
            Address remote,
            int remotePort,
            boolean ipv6Only,
            long uid,
            long inode,
            long cookie,
            long cgroup,
            int device) {

        /** One of which only the ends are known. */
        public Open(Address local, int localPort, Address remote, int remotePort) {
            this(local, localPort, remote, remotePort, false, 0, 0, 0, 0, 0);
        }

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
     * @param inode of its file, as in {@link Open}
     */
    public record Listening(Address address, int port, boolean ipv6Only, long uid, long inode) {

        public static Listening of(Open socket) {
            return new Listening(socket.local(), socket.localPort(), socket.ipv6Only(), socket.uid(), socket.inode());
        }

        /** As the one that a connection to this address reaches. */
        public Listening at(Address reached) {
            return new Listening(reached, port, ipv6Only, uid, inode);
        }

        /** Whether a connection to a loopback address reaches it. */
        public boolean serves(Address loopback) {
            boolean any = address.high() == 0 && address.low() == 0;
            boolean bothFamilies = address.family() == Family.IPV6 && !ipv6Only;
            return address.equals(loopback) || (any && (address.family() == loopback.family() || bothFamilies));
        }

        /** Whether it takes what arrives from elsewhere: it is not on loopback alone.
         *
         * @param any all zeros of the family that it arrives by
         */
        public boolean takesArrivals(Address any) {
            return serves(any) || (address.family() == any.family() && !address.isLoopback());
        }

        /** Whether, while it listens, no other user's socket can listen on an address, with its port (socket(7), SO_REUSEPORT). */
        public boolean excludes(Address other) {
            boolean isAny = other.high() == 0 && other.low() == 0;
            return serves(other) || (isAny && other.family() == address.family());
        }
    }

    /** Connections that packets may still be sent on. */
    public static List<Open> open() {
        List<Open> found = new ArrayList<>();
        if (!SocketDiag.dump(SocketDiag.IPPROTO_TCP, STATES_OPEN, found::add)) {
            found.clear();
            ProcSockets.read("tcp", (socket, state) -> {
                if (((1 << state) & STATES_OPEN) != 0) {
                    found.add(socket);
                }
                return true;
            });
        }
        return found;
    }

    /** How many packets each open connection has sent and had, by its cookie, as far as the kernel tells. */
    public static Map<Long, Long> packets() {
        Map<Long, Long> packets = new HashMap<>();
        SocketDiag.dumpPackets(STATES_OPEN, packets::put);
        return packets;
    }

    /** UDP sockets that have a port, connected or not. */
    public static List<Open> openUdp() {
        List<Open> found = new ArrayList<>();
        if (!SocketDiag.dump(SocketDiag.IPPROTO_UDP, STATES_ANY, found::add)) {
            found.clear();
            ProcSockets.read("udp", (socket, _) -> found.add(socket));
        }
        return found;
    }

    /** Listening sockets. */
    public static List<Listening> listening() {
        return openListening().stream().map(Listening::of).toList();
    }

    /** Likewise, with what tells one from another at the same address. */
    public static List<Open> openListening() {
        List<Open> found = new ArrayList<>();
        if (!SocketDiag.dump(SocketDiag.IPPROTO_TCP, STATES_LISTENING, found::add)) {
            found.clear();
            ProcSockets.read("tcp", (socket, state) -> {
                if (state == LISTEN) {
                    found.add(socket);
                }
                return state == LISTEN; // they stand first
            });
        }
        return found;
    }

    /**
     * Whether sockets that listen on a port are there and none of them may take connections to addresses of others
     * (IP_TRANSPARENT). False where the kernel does not tell (before Linux 5.10).
     */
    public static boolean isWithoutTransparency(int port) {
        List<Boolean> told = new ArrayList<>();
        SocketDiag.dumpTransparency(STATES_LISTENING, (local, transparent) -> {
            if (local == port) {
                told.add(transparent);
            }
        });
        return !told.isEmpty() && !told.contains(true);
    }

    /** What became of a connection that was to be ended. */
    public enum Abortion {
        /** Both ends know: this one had ECONNABORTED, and the other one was sent a reset. */
        ABORTED,
        /** It was gone already; what has its addresses and ports now, if anything, is another one and unharmed. */
        GONE,
        /** This kernel cannot (CONFIG_INET_DIAG_DESTROY), or did not tell which socket it was. */
        UNSUPPORTED
    }

    /**
     * Ends a connection at once, as its own process could, with a reset to the other end. Exactly this socket: one that has
     * taken its place since has another cookie.
     *
     * @param socket a TCP socket out of {@link #open}
     * @throws Failure.Refused where the kernel does not allow it
     */
    public static Abortion abort(Open socket) {
        if (socket.cookie() == 0) {
            return Abortion.UNSUPPORTED;
        }
        int errno = -SocketDiag.destroy(socket);
        return switch (errno) {
            case 0 -> Abortion.ABORTED;
            case Errno.ENOENT -> Abortion.GONE;
            case Errno.EOPNOTSUPP -> Abortion.UNSUPPORTED;
            default ->
                throw new Failure.Refused(
                        "the connection from port " + socket.localPort() + " to port " + socket.remotePort()
                                + " could not be ended",
                        Errno.words(errno),
                        "run it as root, with the capability NET_ADMIN, or end the process that holds it");
        };
    }
}
