package io.meshcapture.endtoend;

import java.time.Duration;

/**
 * How a program ended.
 *
 * @param command what was started, for messages
 * @param exit its exit status
 * @param took from its start to its end
 */
record Ending(String command, int exit, String out, String err, Duration took) {

    /** What a program that must succeed has printed. */
    String orFail() {
        if (exit != 0) {
            throw new AssertionError(this);
        }
        return out;
    }
}
