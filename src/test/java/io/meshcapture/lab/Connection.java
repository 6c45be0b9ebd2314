package io.meshcapture.lab;

import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Arrays;

/** A TCP connection to a {@link Standin}, or the attempt at one, held open until it is closed. */
public final class Connection implements AutoCloseable {
    private final NativeSocket socket;
    private final Duration within;
    private final String greeting;
    private final Verdict verdict;

    private Connection(NativeSocket socket, Duration within, String greeting, Verdict verdict) {
        this.socket = socket;
        this.within = within;
        this.greeting = greeting;
        this.verdict = verdict;
    }

    static Connection made(NativeSocket socket, byte[] destination, Duration within) {
        int errno = socket.connect(destination, within);
        if (errno != 0) {
            return new Connection(socket, within, "", Verdict.ofErrno(errno));
        }
        // a stand-in says one line and then waits, so nothing comes after the newline
        var line = new StringBuilder();
        byte[] part = new byte[256];
        while (line.indexOf("\n") < 0) {
            int received = socket.receive(part, within);
            if (received <= 0) {
                Verdict early = received == 0 ? new Verdict.Silent() : Verdict.ofErrno(-received);
                return new Connection(socket, within, "", early);
            }
            line.append(new String(part, 0, received, StandardCharsets.US_ASCII));
        }
        return new Connection(socket, within, line.toString(), Verdict.ofGreeting(line.toString()));
    }

    /** Where it landed when it was opened. */
    public Verdict verdict() {
        return verdict;
    }

    /** This side's address as the other side sees it, such as {@code 10.99.0.2:40312}. */
    public String peerSeen() {
        return greeting.substring(greeting.lastIndexOf(' ') + 1).strip();
    }

    /** This side's own view of its address. */
    public String local() {
        return socket.local().toString();
    }

    /** Sends the text and waits until it comes back. */
    public Echo echo(String text) {
        int errno = socket.send(text.getBytes(StandardCharsets.UTF_8), within);
        return errno == 0 ? hear(text) : ofErrno(errno);
    }

    /** Sends a text that the other side will send back in its time. */
    public void send(String text) {
        int errno = socket.send(text.getBytes(StandardCharsets.UTF_8), within);
        if (errno != 0) {
            throw Kernel.failed("an open connection", errno);
        }
    }

    /** Waits for exactly this text. */
    public Echo hear(String text) {
        byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
        byte[] back = new byte[bytes.length];
        for (int have = 0; have < bytes.length; ) {
            byte[] part = new byte[bytes.length - have];
            int received = socket.receive(part, within);
            if (received <= 0) {
                return received == 0 ? Echo.CLOSED : ofErrno(-received);
            }
            System.arraycopy(part, 0, back, have, received);
            have += received;
        }
        if (!Arrays.equals(bytes, back)) {
            throw new AssertionError("\"" + text + "\" was to come, and came \""
                    + new String(back, StandardCharsets.UTF_8) + "\": somebody else's bytes are in this connection");
        }
        return Echo.ANSWERED;
    }

    /** Says nothing, and waits for what the other side does: {@link Echo#RESET}, {@link Echo#CLOSED} or nothing in time. */
    public Echo listen(Duration limit) {
        int received = socket.receive(new byte[1], limit);
        if (received > 0) {
            throw new AssertionError("the other side speaks without being asked");
        }
        return received == 0 ? Echo.CLOSED : ofErrno(-received);
    }

    @Override
    public void close() {
        socket.close();
    }

    private static Echo ofErrno(int errno) {
        return switch (errno) {
            case Kernel.ECONNRESET, Kernel.EPIPE -> Echo.RESET;
            case Kernel.ETIMEDOUT -> Echo.SILENT;
            default -> throw Kernel.failed("an open connection", errno);
        };
    }
}
