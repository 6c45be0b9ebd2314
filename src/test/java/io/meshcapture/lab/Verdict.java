package io.meshcapture.lab;

/** Where a connection, or a datagram and its answer, went. */
public sealed interface Verdict {
    /**
     * It landed on a stand-in of Envoy.
     *
     * @param port of the listener that took it
     * @param originalDestination what {@code SO_ORIGINAL_DST} says, as in {@code [fd99::1]:8080}; {@link #UNKNOWN} for
     *     datagrams, which have no such option, and when conntrack does not know the connection
     */
    record Proxied(int port, String originalDestination) implements Verdict {
        public static final String UNKNOWN = "unknown";

        public Proxied(int port) {
            this(port, UNKNOWN);
        }
    }

    /**
     * It landed on a server.
     *
     * @param destination the server's end, as the server sees it
     */
    record Direct(String destination) implements Verdict {}

    /** Nobody listens there ({@code ECONNREFUSED}). */
    record Refused() implements Verdict {}

    /** It was made and then reset before a word was heard ({@code ECONNRESET}). */
    record Reset() implements Verdict {}

    /** It was made and then ended without a word. */
    record Silent() implements Verdict {}

    /** Nothing came within the time of the caller. */
    record TimedOut() implements Verdict {}

    /**
     * No route, rejected by a router ({@code ENETUNREACH}, {@code EHOSTUNREACH}, {@code ENETDOWN}), or no address of that
     * family to come from ({@code EADDRNOTAVAIL}, which also says that all ports are in use).
     */
    record Unreachable() implements Verdict {}

    /** A rule in the output hook rejected or dropped it ({@code EPERM}, {@code EACCES}). */
    record NotPermitted() implements Verdict {}

    /** From the first line that a {@link Standin} sends. */
    static Verdict ofGreeting(String line) {
        String[] words = line.strip().split(" ", -1);
        return switch (words[0]) {
            case Standin.PROXY -> new Proxied(Integer.parseInt(words[1]), words[2]);
            case Standin.DIRECT -> new Direct(words[1]);
            default -> throw new IllegalArgumentException("no stand-in says \"" + line + "\"");
        };
    }

    static Verdict ofErrno(int errno) {
        return switch (errno) {
            case Kernel.ECONNREFUSED -> new Refused();
            case Kernel.ECONNRESET, Kernel.EPIPE -> new Reset();
            case Kernel.ETIMEDOUT -> new TimedOut();
            case Kernel.EADDRNOTAVAIL, Kernel.ENETUNREACH, Kernel.EHOSTUNREACH, Kernel.ENETDOWN -> new Unreachable();
            case Kernel.EPERM, Kernel.EACCES -> new NotPermitted();
            default -> throw Kernel.failed("a connection", errno);
        };
    }
}
