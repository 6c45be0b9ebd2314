package io.meshcapture.backend.hosts;

/** One system call that changes a file. Texts are bytes (ISO 8859-1). */
sealed interface Edit {

    /** At the end, wherever that is. */
    record Append(String text) implements Edit {}

    /** Over what stands there, within the file. */
    record Put(int at, String text) implements Edit {}

    /** Cuts the end off. */
    record Truncate(int length) implements Edit {}

    /** To the disk: what comes later must not get there first. */
    record Sync() implements Edit {}
}
