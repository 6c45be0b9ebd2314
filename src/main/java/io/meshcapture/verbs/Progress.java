package io.meshcapture.verbs;

import org.jspecify.annotations.Nullable;

/** Hears what a verb is waiting for. */
public interface Progress {

    /** Says nothing. */
    Progress SILENT = sentence -> {};

    /** What is being waited for now; called again as it changes. */
    void waiting(String sentence);

    /** What the user should know if the process is interrupted from now on; null for nothing. */
    default void ifInterrupted(@Nullable String sentence) {}
}
