package io.meshcapture.kernel;

import io.meshcapture.lab.Lab;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.charset.StandardCharsets;

/** A connection from {@code srv} to a server in {@code app} of which the test holds both ends. */
final class Talk implements AutoCloseable {
    private static final int PATIENCE_MILLIS = 2000;

    private final ServerSocket listener;
    private final Socket client;
    private final Socket server;

    private Talk(ServerSocket listener, Socket client, Socket server) {
        this.listener = listener;
        this.client = client;
        this.server = server;
    }

    static Talk between(Lab lab, String address, int port) throws IOException {
        var at = new InetSocketAddress(InetAddress.ofLiteral(address), port);
        var listener = new ServerSocket();
        listener.bind(at);
        Socket client = lab.inSrv(() -> {
            var socket = new Socket();
            socket.connect(at, PATIENCE_MILLIS);
            socket.setSoTimeout(PATIENCE_MILLIS);
            return socket;
        });
        listener.setSoTimeout(PATIENCE_MILLIS);
        return new Talk(listener, client, listener.accept());
    }

    void serverSays(String text) throws IOException {
        server.getOutputStream().write(text.getBytes(StandardCharsets.UTF_8));
        server.shutdownOutput();
    }

    String clientHears() throws IOException {
        return new String(client.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    }

    @Override
    public void close() throws IOException {
        server.close();
        client.close();
        listener.close();
    }
}
