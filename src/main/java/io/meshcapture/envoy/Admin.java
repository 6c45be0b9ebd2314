package io.meshcapture.envoy;

import io.meshcapture.plan.HostPort;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.net.ConnectException;
import java.net.HttpURLConnection;
import java.net.Proxy;
import java.net.SocketTimeoutException;
import java.net.URI;
import java.net.UnknownHostException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.concurrent.atomic.AtomicBoolean;
import org.jspecify.annotations.Nullable;

/**
 * Envoy's admin interface, asked from the calling thread's network namespace. By the JDK's old client: the new one asks from
 * threads of its own, and takes longer to load than the question takes.
 */
public final class Admin {

    /** For all of an answer; Envoy's main thread gives one within milliseconds, and within a second while it is busy. */
    private static final Duration EACH = Duration.ofSeconds(3);

    /** For the answers to all questions that are asked one after the other. */
    private static final Duration ALL = Duration.ofSeconds(6);

    /** For an answer that tells a state. */
    private static final int SMALL = 64 * 1024;

    private final HostPort address;
    private final Duration each;
    private final Duration all;

    /** When the answers should all be there, by {@link System#nanoTime}; null before the first question. */
    private @Nullable Long deadline;

    /** For questions that are asked one after the other. */
    public Admin(HostPort address) {
        this(address, EACH, ALL);
    }

    /** For one question by somebody who has only so much time. */
    public static Admin within(HostPort address, Duration patience) {
        Duration each = patience.compareTo(EACH) < 0 ? patience : EACH;
        return new Admin(address, each, each);
    }

    /**
     * Likewise.
     *
     * @param each how long one answer may take
     * @param all how long they may take together, from the first question on
     */
    Admin(HostPort address, Duration each, Duration all) {
        this.address = address;
        this.each = each;
        this.all = all;
    }

    /**
     * What {@code /ready} says.
     *
     * @param live whether it is LIVE
     * @param state the state as it names it, such as {@code LIVE}, {@code INITIALIZING} or {@code DRAINING}
     */
    public record Readiness(boolean live, String state) {}

    /**
     * Whether Envoy calls itself ready. It says so too after its listeners have been closed with {@code /drain_listeners}.
     *
     * @throws NoAnswer where it cannot be asked
     */
    public Readiness ready() throws NoAnswer {
        Answer answer = get("/ready", SMALL);
        String state = answer.text().strip();
        boolean known = state.length() < 40 && state.chars().allMatch(c -> c == '_' || Character.isUpperCase(c));
        if (!known || state.isEmpty() || (answer.status() != 200 && answer.status() != 503)) {
            throw new NoAnswer("what answers at " + address + " is not Envoy's admin interface");
        }
        return new Readiness(answer.status() == 200, state);
    }

    /** Of a request that somebody answered. */
    record Answer(int status, String text) {}

    /**
     * @param most bytes that an answer may have
     * @throws NoAnswer where there is none, it does not end in time, or it is longer
     */
    Answer get(String path, int most) throws NoAnswer {
        HttpURLConnection connection;
        try {
            connection = (HttpURLConnection)
                    URI.create("http://" + address + path).toURL().openConnection(Proxy.NO_PROXY);
        } catch (IOException e) {
            throw new IllegalStateException(e); // an address that the plan has checked makes a URL
        }
        Duration patience = patience();
        connection.setConnectTimeout((int) patience.toMillis());
        connection.setReadTimeout((int) patience.toMillis());
        connection.setInstanceFollowRedirects(false);
        connection.setUseCaches(false);
        AtomicBoolean late = new AtomicBoolean();
        Thread watch = endInTime(connection, patience, late);
        try {
            int status = connection.getResponseCode();
            InputStream body = status < 400 ? connection.getInputStream() : connection.getErrorStream();
            return new Answer(status, body == null ? "" : text(body, most));
        } catch (ConnectException e) {
            throw new NoAnswer("nobody answers at " + address);
        } catch (UnknownHostException e) {
            throw new NoAnswer("no address is known of " + address);
        } catch (IOException e) {
            if (late.get() || e instanceof SocketTimeoutException) {
                throw late(patience);
            }
            throw new NoAnswer("what answers at " + address + " does not speak HTTP as Envoy does");
        } finally {
            watch.interrupt();
            connection.disconnect();
        }
    }

    /** @throws NoAnswer where the answers so far have taken all the time that there was */
    private Duration patience() throws NoAnswer {
        long now = System.nanoTime();
        if (deadline == null) {
            deadline = now + all.toNanos();
        }
        Duration left = Duration.ofNanos(deadline - now);
        if (left.toMillis() <= 0) { // to a socket, 0 ms is for ever
            throw late(left);
        }
        return left.compareTo(each) < 0 ? left : each;
    }

    private NoAnswer late(Duration patience) {
        return new NoAnswer(
                patience.compareTo(each) < 0
                        ? "the answers at " + address + " take more than " + seconds(all) + " in all"
                        : "there is no whole answer at " + address + " within " + seconds(each));
    }

    private static String seconds(Duration duration) {
        return duration.toMillis() / 1000.0 + " s";
    }

    /** The timeouts of a connection are for each of its parts: one that drips would never end. */
    private static Thread endInTime(HttpURLConnection connection, Duration patience, AtomicBoolean late) {
        return Thread.ofPlatform()
                .daemon()
                .name("patience with Envoy's admin interface")
                .start(() -> {
                    try {
                        Thread.sleep(patience);
                        late.set(true);
                        connection.disconnect();
                    } catch (InterruptedException answered) {
                        Thread.currentThread().interrupt();
                    }
                });
    }

    private String text(InputStream body, int most) throws IOException, NoAnswer {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        byte[] buffer = new byte[16 * 1024];
        for (int length = body.read(buffer); length > 0; length = body.read(buffer)) {
            bytes.write(buffer, 0, length);
            if (bytes.size() > most) {
                throw new NoAnswer("the answer at " + address + " has more than " + most / 1024 + " KiB");
            }
        }
        return bytes.toString(StandardCharsets.UTF_8);
    }

    HostPort address() {
        return address;
    }
}
