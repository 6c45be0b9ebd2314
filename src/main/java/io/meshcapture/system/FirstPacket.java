package io.meshcapture.system;

import io.meshcapture.plan.Address;

/** Sends the first packet of a connection from a port of its own, and hears what is answered. */
public interface FirstPacket extends AutoCloseable {

    /** The port that it comes from. */
    int port();

    /** Sends it; what becomes of it is asked of the others. */
    void send(Address destination, int destinationPort);

    /** Sends it again, where the kernel does not by itself: an interface may take its time until it is up. */
    void repeat();

    /** Whether something was answered, or it could not be sent. */
    boolean isOver();

    /** Whether somebody answered that it may not. */
    boolean isRefused();

    /** Whether it failed before any rule was asked, since no route leads there. */
    boolean isWithoutRoute();

    /** Why it failed, in words. */
    String words();

    @Override
    void close();
}
