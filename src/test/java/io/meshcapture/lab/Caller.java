package io.meshcapture.lab;

import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.function.Consumer;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * An application that opens connections from the namespace of the calling thread. Each method that describes it gives a
 * new caller; uid and gid 1000 if nothing else is said.
 */
public final class Caller {
    private final Consumer<AutoCloseable> whatToCloseAfterTheTest;
    private Identity owner = Identity.APPLICATION;
    private @Nullable Cgroup cgroup;
    private @Nullable String device;
    private @Nullable String source;
    private boolean mapped;
    private boolean resets;
    private boolean broadcasts;
    private Duration within = Duration.ofSeconds(2);

    Caller(Consumer<AutoCloseable> whatToCloseAfterTheTest) {
        this.whatToCloseAfterTheTest = whatToCloseAfterTheTest;
    }

    private Caller(Caller like) {
        this(like.whatToCloseAfterTheTest);
        owner = like.owner;
        cgroup = like.cgroup;
        device = like.device;
        source = like.source;
        mapped = like.mapped;
        resets = like.resets;
        broadcasts = like.broadcasts;
        within = like.within;
    }

    /** As this user and the group of the same number, as Debian gives every user one; {@link #gid} after it differs. */
    public Caller uid(int uid) {
        return as(new Identity(uid, uid));
    }

    public Caller gid(int gid) {
        return as(new Identity(owner.uid(), gid));
    }

    public Caller as(Identity identity) {
        var next = new Caller(this);
        next.owner = identity;
        return next;
    }

    public Caller in(Cgroup cgroup) {
        var next = new Caller(this);
        next.cgroup = cgroup;
        return next;
    }

    /** With {@code SO_BINDTODEVICE}. */
    public Caller boundToDevice(String device) {
        var next = new Caller(this);
        next.device = device;
        return next;
    }

    /** From this address and port, as in {@code 10.99.0.2:0} or {@code [fd99::2]:5353}. */
    public Caller from(String source) {
        var next = new Caller(this);
        next.source = source;
        return next;
    }

    /** Through a socket of the IPv6 family to {@code ::ffff:a.b.c.d}, as a JVM with both families does. */
    public Caller v4Mapped() {
        var next = new Caller(this);
        next.mapped = true;
        return next;
    }

    /** With {@code SO_LINGER} 0: closing resets, and leaves no port in {@code TIME_WAIT}; for many connections. */
    public Caller resettingOnClose() {
        var next = new Caller(this);
        next.resets = true;
        return next;
    }

    /** With {@code SO_BROADCAST}, without which the kernel lets nobody send to a broadcast address. */
    public Caller broadcasting() {
        var next = new Caller(this);
        next.broadcasts = true;
        return next;
    }

    /** How long each step (connect, first word, echo) may take; 2 s if nothing is said. */
    public Caller within(Duration limit) {
        var next = new Caller(this);
        next.within = limit;
        return next;
    }

    /** Connects, sees where it landed, and closes. */
    public Verdict connect(String destination) {
        try (Connection connection = connection(destination)) {
            return connection.verdict();
        }
    }

    /** Connects and holds on, until the end of the test if it is not closed before. */
    public Connection open(String destination) {
        Connection connection = connection(destination);
        whatToCloseAfterTheTest.accept(connection);
        return connection;
    }

    /** Sends a datagram from a fresh connected socket, and sees who answers. */
    public Verdict udp(String destination) {
        try (Conversation conversation = conversation(destination)) {
            return conversation.ask();
        }
    }

    /** A UDP socket that holds on, until the end of the test if it is not closed before. */
    public Conversation openUdp(String destination) {
        Conversation conversation = conversation(destination);
        whatToCloseAfterTheTest.accept(conversation);
        return conversation;
    }

    /** Sends one packet of this IP protocol; its content is an ICMP echo request, and no sense for any other. */
    public void raw(int protocol, String address) {
        Endpoint to = new Endpoint(address, 0);
        try (NativeSocket socket = NativeSocket.raw(to.family(), protocol)) {
            int errno = socket.connect(to.sockaddr(), within);
            errno = errno != 0 ? errno : socket.send(echoRequest(to.family()), within);
            if (errno != 0) {
                throw Kernel.failed("a raw packet", errno);
            }
        }
    }

    /** RFC 792 and RFC 4443; the checksum of ICMPv6 is the kernel's business. */
    private static byte[] echoRequest(int family) {
        return family == Endpoint.AF_INET
                ? new byte[] {8, 0, (byte) 0xf7, (byte) 0xff, 0, 0, 0, 0}
                : new byte[] {(byte) 128, 0, 0, 0, 0, 0, 0, 0};
    }

    private Connection connection(String destination) {
        Endpoint to = Endpoint.parse(destination);
        return Connection.made(socket(to, NativeSocket::tcp), sockaddr(to), within);
    }

    private Conversation conversation(String destination) {
        Endpoint to = Endpoint.parse(destination);
        return new Conversation(socket(to, NativeSocket::udp), sockaddr(to), within);
    }

    private byte[] sockaddr(Endpoint endpoint) {
        return mapped ? endpoint.mappedSockaddr() : endpoint.sockaddr();
    }

    private NativeSocket socket(Endpoint to, Opening opening) {
        int family = mapped ? Endpoint.AF_INET6 : to.family();
        Supplier<NativeSocket> open = () -> opening.open(family, owner);
        NativeSocket socket = cgroup == null ? Cgroup.atHome(open) : cgroup.within(open);
        if (device != null) {
            socket.option(
                    NativeSocket.SOL_SOCKET, NativeSocket.SO_BINDTODEVICE, device.getBytes(StandardCharsets.US_ASCII));
        }
        if (broadcasts) {
            socket.option(NativeSocket.SOL_SOCKET, NativeSocket.SO_BROADCAST, 1);
        }
        if (resets) {
            socket.resetOnClose();
        }
        if (source != null) {
            socket.option(NativeSocket.SOL_SOCKET, NativeSocket.SO_REUSEADDR, 1)
                    .boundTo(sockaddr(Endpoint.parse(source)), source);
        }
        return socket;
    }

    private interface Opening {
        NativeSocket open(int family, Identity owner);
    }
}
