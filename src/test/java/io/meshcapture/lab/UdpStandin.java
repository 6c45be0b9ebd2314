package io.meshcapture.lab;

import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;

/** Plays Envoy's DNS listener or a name server: answers every datagram with the line that a {@link Standin} says. */
public final class UdpStandin implements AutoCloseable {
    private final boolean proxy;
    private final List<NativeSocket> sockets = new CopyOnWriteArrayList<>();
    private final List<Thread> answering = new CopyOnWriteArrayList<>();
    private final List<Standin.Arrival> arrivals = new CopyOnWriteArrayList<>();

    private UdpStandin(boolean proxy) {
        this.proxy = proxy;
    }

    static UdpStandin proxy(Identity owner, List<Endpoint> addresses) {
        return new UdpStandin(true).listening(owner, addresses);
    }

    static UdpStandin server(Identity owner, List<Endpoint> addresses) {
        return new UdpStandin(false).listening(owner, addresses);
    }

    private UdpStandin listening(Identity owner, List<Endpoint> addresses) {
        for (Endpoint at : addresses) {
            NativeSocket socket = NativeSocket.udp(at.family(), owner);
            sockets.add(socket);
            if (at.family() == Endpoint.AF_INET6) {
                socket.option(NativeSocket.SOL_IPV6, NativeSocket.IPV6_V6ONLY, 1);
            }
            socket.boundTo(at.sockaddr(), at.toString());
            answering.add(Thread.ofPlatform().daemon().name("answer at " + at).start(() -> answer(socket, at)));
        }
        return this;
    }

    /** Every datagram that was ever received, the oldest first. */
    public List<Standin.Arrival> arrivals() {
        return List.copyOf(arrivals);
    }

    @Override
    public void close() {
        sockets.forEach(NativeSocket::shutDown);
        for (Thread thread : answering) {
            try {
                thread.join(5000);
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
        }
        sockets.forEach(NativeSocket::close);
    }

    private void answer(NativeSocket socket, Endpoint at) {
        while (true) {
            var datagram = socket.receiveFrom(NativeSocket.FOR_EVER);
            if (datagram == null) {
                return;
            }
            Endpoint peer = datagram.sender();
            arrivals.add(new Standin.Arrival(at.toString(), peer.toString(), Verdict.Proxied.UNKNOWN));
            String who = proxy
                    ? Standin.PROXY + " " + at.port() + " " + Verdict.Proxied.UNKNOWN + " " + peer
                    : Standin.DIRECT + " " + at + " " + peer;
            socket.sendTo(who, peer);
        }
    }
}
