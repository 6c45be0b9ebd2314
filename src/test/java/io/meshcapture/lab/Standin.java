package io.meshcapture.lab;

import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;

/**
 * Plays Envoy ({@code PROXY port original-destination peer}) or a server ({@code DIRECT local peer}): to each connection
 * it says that one line, and then whatever it hears.
 */
public final class Standin implements AutoCloseable {
    static final String PROXY = "PROXY";
    static final String DIRECT = "DIRECT";

    private final boolean proxy;
    private final boolean transparent;
    private final Identity owner;
    private final List<NativeSocket> listeners = new CopyOnWriteArrayList<>();
    private final Set<NativeSocket> open = ConcurrentHashMap.newKeySet();
    private final List<Arrival> arrivals = new CopyOnWriteArrayList<>();
    private final List<Thread> accepting = new CopyOnWriteArrayList<>();

    private Standin(boolean proxy, Identity owner) {
        this(proxy, false, owner);
    }

    private Standin(boolean proxy, boolean transparent, Identity owner) {
        this.proxy = proxy;
        this.transparent = transparent;
        this.owner = owner;
    }

    static Standin proxy(Identity owner, List<Endpoint> listeners) {
        return new Standin(true, owner).listening(listeners);
    }

    static Standin server(Identity owner, List<Endpoint> listeners) {
        return new Standin(false, owner).listening(listeners);
    }

    /** A server to whose listeners {@code tproxy} may send connections to other addresses and ports. */
    static Standin transparentServer(Identity owner, List<Endpoint> listeners) {
        return new Standin(false, true, owner).listening(listeners);
    }

    /** A stand-in of Envoy to whose listeners {@code tproxy} may send connections. */
    static Standin transparentProxy(Identity owner, List<Endpoint> listeners) {
        return new Standin(true, true, owner).listening(listeners);
    }

    private Standin listening(List<Endpoint> endpoints) {
        for (Endpoint endpoint : endpoints) {
            NativeSocket listener = NativeSocket.tcp(endpoint.family(), owner)
                    .option(NativeSocket.SOL_SOCKET, NativeSocket.SO_REUSEADDR, 1);
            listeners.add(listener);
            if (endpoint.family() == Endpoint.AF_INET6) {
                listener.option(NativeSocket.SOL_IPV6, NativeSocket.IPV6_V6ONLY, 1);
            }
            if (transparent) {
                listener.transparent(endpoint.family());
            }
            listener.boundTo(endpoint.sockaddr(), endpoint.toString()).listening();
            accepting.add(
                    Thread.ofPlatform().daemon().name("accept " + endpoint).start(() -> accept(listener, endpoint)));
        }
        return this;
    }

    /** Everything that was ever accepted, the oldest first. */
    public List<Arrival> arrivals() {
        return List.copyOf(arrivals);
    }

    /** Says something on every open connection without having been asked. */
    public void say(String text) {
        for (NativeSocket connection : open) {
            int errno = connection.send(text.getBytes(StandardCharsets.UTF_8), NativeSocket.FOR_EVER);
            if (errno != 0) {
                throw Kernel.failed("saying something first", errno);
            }
        }
    }

    /** Refuses new connections; those that are open go on. Returns when the ports are free. */
    public void stopListening() {
        listeners.forEach(NativeSocket::shutDown);
        for (Thread thread : accepting) {
            try {
                thread.join(5000);
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
        }
        listeners.forEach(NativeSocket::close);
    }

    /** Dies: refuses new connections and ends those that are open. */
    @Override
    public void close() {
        stopListening();
        open.forEach(NativeSocket::shutDown);
    }

    private void accept(NativeSocket listener, Endpoint at) {
        while (true) {
            var accepted = listener.accept(owner);
            if (accepted.isEmpty()) {
                return;
            }
            NativeSocket connection = accepted.get();
            open.add(connection);
            Thread.ofPlatform().daemon().name("echo at " + at).start(() -> serve(connection, at));
        }
    }

    private void serve(NativeSocket connection, Endpoint at) {
        try (connection) {
            var arrival = new Arrival(
                    at.toString(),
                    connection.peer().map(Endpoint::toString).orElse(Verdict.Proxied.UNKNOWN),
                    connection.originalDestination().map(Endpoint::toString).orElse(Verdict.Proxied.UNKNOWN));
            arrivals.add(arrival);
            String greeting = proxy
                    ? PROXY + " " + at.port() + " " + arrival.originalDestination + " " + arrival.peer
                    : DIRECT + " " + connection.local() + " " + arrival.peer;
            int errno = connection.send((greeting + "\n").getBytes(StandardCharsets.UTF_8), NativeSocket.FOR_EVER);
            byte[] buffer = new byte[8192];
            while (errno == 0) {
                int received = connection.receive(buffer, NativeSocket.FOR_EVER);
                if (received <= 0) {
                    return;
                }
                errno = connection.send(Arrays.copyOf(buffer, received), NativeSocket.FOR_EVER);
            }
        } finally {
            open.remove(connection);
        }
    }

    /**
     * One accepted connection.
     *
     * @param listener the address it was accepted at
     * @param peer the client as the listener sees it
     * @param originalDestination what {@code SO_ORIGINAL_DST} says, {@link Verdict.Proxied#UNKNOWN} if nothing
     */
    public record Arrival(String listener, String peer, String originalDestination) {}
}
