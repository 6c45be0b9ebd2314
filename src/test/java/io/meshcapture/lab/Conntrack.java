package io.meshcapture.lab;

/** The connection table of this namespace, through the {@code conntrack} of the machine. */
public final class Conntrack {
    Conntrack() {}

    /** Forgets every connection. */
    public void flush() {
        Run.command("conntrack", "-F").orFail();
    }

    /** One line per connection. */
    public String list() {
        return Run.command("conntrack", "-L").orFail();
    }
}
