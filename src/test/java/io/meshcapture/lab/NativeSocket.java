package io.meshcapture.lab;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Arrays;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** One non-blocking socket of the kernel; every wait is bounded by its caller. */
final class NativeSocket implements AutoCloseable {
    static final Duration FOR_EVER = Duration.ofMillis(-1);

    static final int SOL_IP = 0;
    static final int SOL_SOCKET = 1;
    static final int SOL_IPV6 = 41;
    static final int SO_REUSEADDR = 2;
    static final int SO_ERROR = 4;
    static final int SO_BROADCAST = 6;
    static final int SO_LINGER = 13;
    static final int SO_BINDTODEVICE = 25;
    static final int IPV6_V6ONLY = 26;
    /** {@code SO_ORIGINAL_DST} and {@code IP6T_SO_ORIGINAL_DST} of linux/netfilter_ipv4.h and _ipv6/ip6_tables.h. */
    static final int SO_ORIGINAL_DST = 80;

    private static final int SOCK_STREAM = 1;
    private static final int SOCK_DGRAM = 2;
    private static final int SOCK_RAW = 3;
    private static final int SOCK_NONBLOCK_CLOEXEC = 0x800 | 0x8_0000;
    private static final int MSG_NOSIGNAL = 0x4000;
    private static final short POLLIN = 1;
    private static final short POLLOUT = 4;
    private static final int SHUT_RDWR = 2;

    private final int fd;
    private boolean closed;

    private NativeSocket(int fd) {
        this.fd = fd;
    }

    static NativeSocket tcp(int family, Identity owner) {
        return opened(family, SOCK_STREAM, owner);
    }

    static NativeSocket udp(int family, Identity owner) {
        return opened(family, SOCK_DGRAM, owner);
    }

    /** A socket for packets of one IP protocol, sent by root. */
    static NativeSocket raw(int family, int protocol) {
        Kernel.refuseMachinesOwnNamespace();
        int fd = Kernel.LIBC.socket(family, SOCK_RAW | SOCK_NONBLOCK_CLOEXEC, protocol);
        return new NativeSocket(Kernel.check(fd, "raw socket"));
    }

    private static NativeSocket opened(int family, int type, Identity owner) {
        Kernel.refuseMachinesOwnNamespace();
        Libc libc = Kernel.LIBC;
        int fd = owner.run(() -> libc.socket(family, type | SOCK_NONBLOCK_CLOEXEC, 0));
        if (fd < 0) {
            throw Kernel.failed("socket", -fd);
        }
        return new NativeSocket(fd);
    }

    NativeSocket option(int level, int option, int value) {
        return option(level, option, ints(value));
    }

    NativeSocket option(int level, int option, byte[] value) {
        Kernel.check(Kernel.LIBC.setsockopt(fd, level, option, value, value.length), "setsockopt " + option);
        return this;
    }

    /** {@code struct linger}: what close(2) does is send a reset. */
    NativeSocket resetOnClose() {
        return option(SOL_SOCKET, SO_LINGER, ints(1, 0));
    }

    /** {@code IP_TRANSPARENT} and {@code IPV6_TRANSPARENT}: takes what tproxy sends it. */
    NativeSocket transparent(int family) {
        return family == Endpoint.AF_INET ? option(SOL_IP, 19, 1) : option(SOL_IPV6, 75, 1);
    }

    NativeSocket boundTo(byte[] sockaddr, String what) {
        Kernel.check(Kernel.LIBC.bind(fd, sockaddr, sockaddr.length), "bind " + what);
        return this;
    }

    NativeSocket listening() {
        Kernel.check(Kernel.LIBC.listen(fd, 1024), "listen");
        return this;
    }

    /** Waits for a connection; empty when this socket has been shut down. */
    Optional<NativeSocket> accept(Identity owner) {
        Libc libc = Kernel.LIBC;
        byte[] peer = new byte[Endpoint.SOCKADDR_BYTES];
        int[] length = new int[1];
        while (poll(POLLIN, FOR_EVER)) {
            length[0] = peer.length;
            int accepted = owner.run(() -> libc.accept4(fd, peer, length, SOCK_NONBLOCK_CLOEXEC));
            if (accepted >= 0) {
                return Optional.of(new NativeSocket(accepted));
            }
            if (accepted == -Kernel.EINVAL || closed()) {
                return Optional.empty();
            }
        }
        return Optional.empty();
    }

    /** Gives 0 when connected, else the errno; {@code ETIMEDOUT} when the time is over. */
    int connect(byte[] sockaddr, Duration within) {
        if (Kernel.LIBC.connect(fd, sockaddr, sockaddr.length) == 0) {
            return 0;
        }
        int errno = Kernel.errno();
        if (errno != Kernel.EINPROGRESS) {
            return errno;
        }
        return poll(POLLOUT, within) ? pendingError() : Kernel.ETIMEDOUT;
    }

    int pendingError() {
        byte[] value = new byte[4];
        Kernel.check(Kernel.LIBC.getsockopt(fd, SOL_SOCKET, SO_ERROR, value, new int[] {4}), "SO_ERROR");
        return ByteBuffer.wrap(value).order(ByteOrder.nativeOrder()).getInt();
    }

    /** Gives the bytes received, 0 at the end of the stream, or the negated errno; {@code -ETIMEDOUT} likewise. */
    int receive(byte[] buffer, Duration within) {
        if (!poll(POLLIN, within)) {
            return -Kernel.ETIMEDOUT;
        }
        long received = Kernel.LIBC.recv(fd, buffer, buffer.length, 0);
        return (int) (received < 0 ? -Kernel.errno() : received);
    }

    /** Receives a datagram and its sender; null when this socket has been shut down. */
    @Nullable
    Datagram receiveFrom(Duration within) {
        byte[] buffer = new byte[2048];
        byte[] sender = new byte[Endpoint.SOCKADDR_BYTES];
        int[] length = {sender.length};
        if (!poll(POLLIN, within)) {
            return null;
        }
        long received = Kernel.LIBC.recvfrom(fd, buffer, buffer.length, 0, sender, length);
        if (received < 0 || length[0] == 0) {
            return null;
        }
        return new Datagram(new String(buffer, 0, (int) received, StandardCharsets.UTF_8), Endpoint.of(sender));
    }

    void sendTo(String text, Endpoint receiver) {
        byte[] sockaddr = receiver.sockaddr();
        byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
        Kernel.check(
                (int) Kernel.LIBC.sendto(fd, bytes, bytes.length, MSG_NOSIGNAL, sockaddr, sockaddr.length), "sendto");
    }

    /** Gives 0, or the errno. */
    int send(byte[] bytes, Duration within) {
        for (int sent = 0; sent < bytes.length; ) {
            byte[] rest = Arrays.copyOfRange(bytes, sent, bytes.length);
            long now = Kernel.LIBC.send(fd, rest, rest.length, MSG_NOSIGNAL);
            if (now >= 0) {
                sent += (int) now;
            } else {
                int errno = Kernel.errno();
                if (errno != Kernel.EAGAIN) {
                    return errno;
                }
                if (!poll(POLLOUT, within)) {
                    return Kernel.ETIMEDOUT;
                }
            }
        }
        return 0;
    }

    Endpoint local() {
        byte[] address = new byte[Endpoint.SOCKADDR_BYTES];
        Kernel.check(Kernel.LIBC.getsockname(fd, address, new int[] {address.length}), "getsockname");
        return Endpoint.of(address);
    }

    /** Empty when the peer has already reset the connection. */
    Optional<Endpoint> peer() {
        byte[] address = new byte[Endpoint.SOCKADDR_BYTES];
        return Kernel.LIBC.getpeername(fd, address, new int[] {address.length}) == 0
                ? Optional.of(Endpoint.of(address))
                : Optional.empty();
    }

    /** Where the connection was going before a redirect; empty when conntrack does not know it. */
    Optional<Endpoint> originalDestination() {
        byte[] address = new byte[Endpoint.SOCKADDR_BYTES];
        int level = local().family() == Endpoint.AF_INET ? SOL_IP : SOL_IPV6;
        return Kernel.LIBC.getsockopt(fd, level, SO_ORIGINAL_DST, address, new int[] {address.length}) == 0
                ? Optional.of(Endpoint.of(address))
                : Optional.empty();
    }

    /** Wakes whoever waits on this socket; may be called from any thread. */
    synchronized void shutDown() {
        if (!closed) {
            Kernel.LIBC.shutdown(fd, SHUT_RDWR);
        }
    }

    synchronized boolean closed() {
        return closed;
    }

    @Override
    public synchronized void close() {
        if (!closed) {
            closed = true;
            Kernel.LIBC.close(fd);
        }
    }

    /** Whether the event, or an error, came in time. */
    private boolean poll(short event, Duration within) {
        long deadline = System.nanoTime() + within.toNanos();
        int wait = (int) within.toMillis();
        while (!closed()) {
            var pollfd = ByteBuffer.allocate(8).order(ByteOrder.nativeOrder());
            int ready = Kernel.LIBC.poll(pollfd.putInt(fd).putShort(event).array(), 1, wait);
            if (ready > 0) {
                return true;
            }
            if (ready == 0) {
                return false;
            }
            int errno = Kernel.errno();
            if (errno != Kernel.EINTR) {
                throw Kernel.failed("poll", errno);
            }
            wait = within.isNegative() ? -1 : (int) Math.max(0, (deadline - System.nanoTime()) / 1_000_000);
        }
        return false;
    }

    private static byte[] ints(int... values) {
        var out = ByteBuffer.allocate(4 * values.length).order(ByteOrder.nativeOrder());
        for (int value : values) {
            out.putInt(value);
        }
        return out.array();
    }

    /** A datagram's text and who sent it. */
    record Datagram(String text, Endpoint sender) {}
}
