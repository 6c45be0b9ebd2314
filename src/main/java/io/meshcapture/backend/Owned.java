package io.meshcapture.backend;

/**
 * Whose a captured connection is, where the decision in force would not tell.
 *
 * @param service the service that captured it, the empty text where that is not known
 * @param client the cookie of the client's socket, 0 where that is not in this namespace
 */
public record Owned(String service, long client) {

    private static final String UNKNOWN = "-";

    /** The comment of its element. */
    public String comment() {
        return (service.isEmpty() ? UNKNOWN : service) + " " + Long.toHexString(client);
    }

    /**
     * Reads a comment.
     *
     * @throws NumberFormatException where it is not one of ours
     */
    public static Owned parse(String comment) {
        int space = comment.lastIndexOf(' ');
        String service = space < 0 ? comment : comment.substring(0, space);
        return new Owned(
                service.equals(UNKNOWN) ? "" : service, Long.parseUnsignedLong(comment.substring(space + 1), 16));
    }
}
