package io.meshcapture.verbs;

import org.jspecify.annotations.Nullable;

/** Hears what a verb is waiting for. */
public interface Progress {

    /** What is being waited for now; called again as it changes. */
    void waiting(String sentence);

    /** What the user should know if the process is interrupted from now on; null for nothing. */
    void ifInterrupted(@Nullable String sentence);
}
