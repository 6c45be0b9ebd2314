package io.meshcapture.backend.hosts;

import java.io.IOException;
import java.time.Duration;

/**
 * Content of a file that others rewrite. Docker, kubelet and most editors cut it to nothing and write it again, and who looks
 * between sees an empty file, or half of one.
 */
final class Settled {
    private static final Duration PAUSE = Duration.ofMillis(5);
    private static final int LOOKS = 200;

    private Settled() {}

    /** Reads the content once. */
    interface Look {
        String read() throws IOException;
    }

    /** The content that two looks in a row agree on; after a second the last one, and an empty file only then. */
    static String content(Look look) throws IOException, InterruptedException {
        String before = look.read();
        for (int i = 0; i < LOOKS; i++) {
            Thread.sleep(PAUSE);
            String now = look.read();
            if (now.equals(before) && !now.isEmpty()) {
                return now;
            }
            before = now;
        }
        return before;
    }
}
