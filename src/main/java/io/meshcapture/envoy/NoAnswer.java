package io.meshcapture.envoy;

/** Envoy's admin interface gave no answer that can be used. */
public final class NoAnswer extends Exception {
    private static final long serialVersionUID = 1L;

    /** @param because which interface, and what is wrong with its answer or with asking it */
    NoAnswer(String because) {
        super(because);
    }

    /** A half sentence for messages: {@code nobody answers at 127.0.0.1:9901}. */
    public String because() {
        return String.valueOf(getMessage());
    }
}
