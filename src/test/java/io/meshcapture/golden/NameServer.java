package io.meshcapture.golden;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.DatagramPacket;
import java.net.DatagramSocket;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.SocketException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;

/** DNS servers that know no name, and remember who asked for which. Each answers from the address that was asked. */
final class NameServer implements AutoCloseable {
    private static final int HEADER = 12;

    private final List<DatagramSocket> sockets = new ArrayList<>();
    private final Map<String, List<Integer>> asked = new ConcurrentHashMap<>();

    /** Listens in the namespace of the calling thread. */
    @SuppressWarnings("AddressSelection") // an address is looked up, never a name
    void listenAt(String address, int port) {
        try {
            DatagramSocket socket = new DatagramSocket(new InetSocketAddress(InetAddress.getByName(address), port));
            sockets.add(socket);
            Thread.ofPlatform().daemon().name("names at " + address).start(() -> answer(socket));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** The ports from which somebody asked for a name. */
    List<Integer> askedFrom(String name) {
        return asked.getOrDefault(name, List.of());
    }

    private void answer(DatagramSocket socket) {
        DatagramPacket query = new DatagramPacket(new byte[4096], 4096);
        try {
            while (true) {
                socket.receive(query);
                byte[] data = Arrays.copyOf(query.getData(), query.getLength());
                StringBuilder name = new StringBuilder();
                int at = HEADER;
                while (data[at] != 0) {
                    name.append(name.isEmpty() ? "" : ".")
                            .append(new String(data, at + 1, data[at], StandardCharsets.US_ASCII));
                    at += 1 + data[at];
                }
                asked.computeIfAbsent(name.toString(), _ -> new CopyOnWriteArrayList<>())
                        .add(query.getPort());
                byte[] answer = Arrays.copyOf(data, at + 5); // the question, without what stands behind it
                answer[2] |= (byte) 0x84; // an answer, and authoritative
                answer[3] = 3; // NXDOMAIN (RFC 1035 section 4.1.1)
                answer[11] = 0;
                socket.send(new DatagramPacket(answer, answer.length, query.getSocketAddress()));
            }
        } catch (SocketException closed) {
            // at the end of the test
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    @Override
    public void close() {
        sockets.forEach(DatagramSocket::close);
    }
}
