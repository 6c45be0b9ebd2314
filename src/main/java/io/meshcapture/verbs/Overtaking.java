package io.meshcapture.verbs;

import java.time.Duration;
import org.jspecify.annotations.Nullable;

/**
 * How often an agent goes before rules of others that come before ours: somebody who puts himself first each time, too, would
 * never be done with it. Times are those of a clock that only goes forward.
 */
final class Overtaking {

    /** In a row, before they are left where they are. */
    static final int AT_MOST = 3;

    /** What lasts longer has been no answer to us; and how long they are left at first. */
    static final Duration SOON = Duration.ofMinutes(10);

    /** The longest time until they are overtaken again, once. */
    static final Duration LONGEST = Duration.ofHours(1);

    private int inARow;
    private Duration pause = SOON;
    private @Nullable Duration last;
    private boolean told;

    /** Whether to go before them once more. */
    boolean isWorthIt(Duration now) {
        return inARow < AT_MOST || last == null || now.minus(last).compareTo(pause) >= 0;
    }

    /** They have been overtaken. */
    void done(Duration now) {
        inARow++;
        last = now;
        if (inARow > AT_MOST) {
            Duration twice = pause.multipliedBy(2);
            pause = twice.compareTo(LONGEST) < 0 ? twice : LONGEST;
        }
    }

    /** Nobody comes before ours. Where that has lasted, what comes later is something new. */
    void calm(Duration now) {
        if (last != null && now.minus(last).compareTo(SOON) >= 0) {
            inARow = 0;
            pause = SOON;
            last = null;
            told = false;
        }
    }

    /** Whether it has not been told yet that they are left where they are; asking is telling. */
    boolean isNews() {
        boolean news = !told;
        told = true;
        return news;
    }
}
