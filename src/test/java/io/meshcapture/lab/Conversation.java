package io.meshcapture.lab;

import java.nio.charset.StandardCharsets;
import java.time.Duration;

/** A connected UDP socket, held open until it is closed, as a resolver with a long life holds one. */
public final class Conversation implements AutoCloseable {
    private static final byte[] QUESTION = "who are you".getBytes(StandardCharsets.UTF_8);

    private final NativeSocket socket;
    private final Duration within;

    Conversation(NativeSocket socket, byte[] destination, Duration within) {
        this.socket = socket;
        this.within = within;
        int errno = socket.connect(destination, within);
        if (errno != 0) {
            throw Kernel.failed("connect", errno);
        }
    }

    /** Sends a datagram and says who answered. */
    public Verdict ask() {
        int errno = socket.send(QUESTION, within);
        if (errno != 0) {
            return Verdict.ofErrno(errno);
        }
        byte[] answer = new byte[2048];
        int received = socket.receive(answer, within);
        return received < 0
                ? Verdict.ofErrno(-received)
                : Verdict.ofGreeting(new String(answer, 0, received, StandardCharsets.UTF_8));
    }

    /** This side's own view of its address. */
    public String local() {
        return socket.local().toString();
    }

    @Override
    public void close() {
        socket.close();
    }
}
