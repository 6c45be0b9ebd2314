package io.meshcapture.lab;

import io.meshcapture.lab.InNetns.Families;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.Arrays;
import java.util.Deque;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * The standard situation, of which the calling thread's namespace is the left half:
 *
 * <pre>
 *   app                                   srv
 *   10.99.0.2/24, fd99::2/64, fe80::2     10.99.0.1/24, fd99::1/64, fe80::1
 *   eth0 ─────────────────────────────── eth0
 *   default routes to srv                 takes every address of the world for its own
 * </pre>
 *
 * A server in {@code srv} on 0.0.0.0 and [::] therefore accepts connections to any destination. Whatever a test makes
 * through its laboratory is closed after it.
 */
public final class Lab implements AutoCloseable {
    private final NetnsThread srv;
    private final Families families;
    private final Deque<AutoCloseable> toClose = new ArrayDeque<>();
    private final Nft nft = new Nft();
    private @Nullable NetnsThread guest;

    private Lab(NetnsThread srv, Families families) {
        this.srv = srv;
        this.families = families;
    }

    /** To be called on the thread of {@code app}. */
    static Lab build(NetnsThread app, Families families) throws Throwable {
        return new Lab(Wire.between(app, families), families);
    }

    /** A stand-in of Envoy on 127.0.0.1 and [::1], as far as {@code app} has them, with Envoy's identity (1337). */
    public Standin proxy(int port) {
        return proxyAt(Identity.ENVOY, loopback(port));
    }

    /** A stand-in of Envoy at these addresses of {@code app}, as in {@code 127.0.0.1:15001}. */
    public Standin proxyAt(Identity owner, String... listeners) {
        return closedAfterTheTest(Standin.proxy(owner, endpoints(listeners)));
    }

    /** Likewise, with IP_TRANSPARENT: takes what tproxy sends it. */
    public Standin transparentProxyAt(Identity owner, String... listeners) {
        return closedAfterTheTest(Standin.transparentProxy(owner, endpoints(listeners)));
    }

    /** A server in {@code srv} for this port of any address of the world. */
    public Standin server(int port) {
        return serverAt("0.0.0.0:" + port, "[::]:" + port);
    }

    /** A server in {@code srv} at these addresses. */
    public Standin serverAt(String... listeners) {
        return closedAfterTheTest(inSrv(() -> Standin.server(Identity.APPLICATION, endpoints(listeners))));
    }

    /**
     * A server in {@code srv} for every TCP port of any address of the world: nothing there is refused any more. By
     * {@code tproxy} in {@code srv}, so that it sees the port that the client meant.
     */
    public Standin serverOnEveryPort() {
        return closedAfterTheTest(inSrv(() -> {
            nft.apply("""
                    table inet every-port {
                      chain arriving {
                        type filter hook prerouting priority mangle
                        iifname eth0 meta l4proto tcp tproxy to :1
                      }
                    }
                    """);
            return Standin.transparentServer(Identity.APPLICATION, endpoints("0.0.0.0:1", "[::]:1"));
        }));
    }

    /** A server of the application's own in {@code app}, on all its addresses; says {@code DIRECT}. */
    public Standin localServer(int port) {
        String[] everywhere = families == Families.IPV4_ONLY
                ? new String[] {"0.0.0.0:" + port}
                : new String[] {"0.0.0.0:" + port, "[::]:" + port};
        return localServerAt(Identity.APPLICATION, everywhere);
    }

    /** A server of this identity at these addresses of {@code app}; says {@code DIRECT}. */
    public Standin localServerAt(Identity owner, String... listeners) {
        return closedAfterTheTest(Standin.server(owner, endpoints(listeners)));
    }

    /** A stand-in of Envoy's DNS listener, UDP, on the loopback addresses. */
    public UdpStandin udpProxy(int port) {
        return udpProxyAt(Identity.ENVOY, loopback(port));
    }

    public UdpStandin udpProxyAt(Identity owner, String... addresses) {
        return closedAfterTheTest(UdpStandin.proxy(owner, endpoints(addresses)));
    }

    /** A UDP server in {@code srv} at exactly these addresses, whichever of the world's they are. */
    public UdpStandin udpServerAt(String... addresses) {
        return closedAfterTheTest(inSrv(() -> UdpStandin.server(Identity.APPLICATION, endpoints(addresses))));
    }

    /** An application in {@code app}, or wherever its methods are called. */
    public Caller caller() {
        return new Caller(this::closedAfterTheTest);
    }

    public Nft nft() {
        return nft;
    }

    public Conntrack conntrack() {
        return new Conntrack();
    }

    /** The program under test, as the build left it. */
    public Meshcapture meshcapture() {
        return Meshcapture.installed();
    }

    /** Starts a command in {@code app} that runs until the end of the test, or less. */
    public Background background(String... command) {
        return closedAfterTheTest(Background.started("", Map.of(), List.of(command)));
    }

    /** Makes a cgroup, named relative to the root of version 2, as in {@code shop.slice/orders.service}. */
    public Cgroup cgroup(String name) {
        return closedAfterTheTest(new Cgroup(name));
    }

    /** Sets a network parameter of this namespace, as in {@code net.ipv4.tcp_syn_retries}. */
    public void sysctl(String name, String value) {
        Wire.sysctl(name, value);
    }

    public String sysctl(String name) {
        Kernel.refuseMachinesOwnNamespace();
        try {
            return Files.readString(Wire.sysctlFile(name)).strip();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** For this test and what it starts, the file holds this text; the machine's own stays as it is (a bind mount). */
    public Path file(String path, String text) {
        return Mounts.cover(Path.of(path), text);
    }

    /** Does the work on the thread of {@code srv}. */
    public <T extends @Nullable Object> T inSrv(Work<T> work) {
        return unchecked(() -> srv.call(work));
    }

    /**
     * Adds {@code guest}, a virtual machine or container of {@code app}: 10.98.0.2 and fd98::2, whose traffic arrives in
     * {@code app} on interface {@code guest0} (10.98.0.1, fd98::1) and is forwarded to {@code srv}.
     */
    public void addGuest() {
        guest = closedAfterTheTest(unchecked(() -> Wire.guestOf(srv)));
    }

    /** Does the work on the thread of {@code guest}. */
    public <T extends @Nullable Object> T inGuest(Work<T> work) {
        NetnsThread there = guest;
        if (there == null) {
            throw new IllegalStateException("no guest has been added");
        }
        return unchecked(() -> there.call(work));
    }

    /** A path to the network namespace of {@code srv}, for {@code nsenter} and {@code --netns}. */
    public String srvNetns() {
        return srv.path();
    }

    @Override
    public void close() {
        RuntimeException failure = null;
        while (!toClose.isEmpty()) {
            try {
                toClose.pop().close();
            } catch (Exception e) {
                failure =
                        failure == null ? new IllegalStateException("the laboratory could not be cleared", e) : failure;
                failure.addSuppressed(e);
            }
        }
        srv.close();
        if (failure != null) {
            throw failure;
        }
    }

    private static <T extends @Nullable Object> T unchecked(Work<T> work) {
        try {
            return work.run();
        } catch (RuntimeException | Error e) {
            throw e;
        } catch (Throwable e) {
            throw new IllegalStateException(e);
        }
    }

    private <T extends AutoCloseable> T closedAfterTheTest(T closeable) {
        synchronized (toClose) {
            toClose.push(closeable);
        }
        return closeable;
    }

    private String[] loopback(int port) {
        return Stream.of("127.0.0.1:" + port, "[::1]:" + port)
                .filter(listener -> families != Families.IPV4_ONLY || !listener.startsWith("["))
                .toArray(String[]::new);
    }

    private static List<Endpoint> endpoints(String... listeners) {
        return Arrays.stream(listeners).map(Endpoint::parse).toList();
    }
}
