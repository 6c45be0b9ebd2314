package io.meshcapture.backend;

import io.meshcapture.system.PacketTrace;
import io.meshcapture.system.PacketTrace.Event;

/** What the steps of a traced packet mean, as one backend has written its rules. */
public interface TracedRules {

    /**
     * Begins to listen to the kernel.
     *
     * @throws io.meshcapture.failure.Failure.Unavailable where it does not tell
     */
    PacketTrace listen();

    /** Whether it is a step through a chain of ours. */
    boolean isOurs(Event event);

    /** What the rule says, the empty text for nothing. */
    String why(Event event);

    /** Envoy's listener that its chain sends to; 0 where it does not. */
    int listener(Event event);

    /** What the rule does to the packet; one that is rejected is dropped. */
    PacketTrace.Verdict verdict(Event event);
}
