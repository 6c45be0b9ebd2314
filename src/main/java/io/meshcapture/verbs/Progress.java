package io.meshcapture.verbs;

/** Hears what a verb is waiting for. */
public interface Progress {

    /** Says nothing. */
    Progress SILENT = sentence -> {};

    /** What is being waited for now; called again as it changes. */
    void waiting(String sentence);
}
