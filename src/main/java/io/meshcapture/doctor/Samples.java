package io.meshcapture.doctor;

import java.util.Collection;
import java.util.stream.Collectors;

/** The first of many, in words. */
final class Samples {

    private static final int SHOWN = 5;

    private Samples() {}

    /** {@code a, b, c, d, e and 7 more}. */
    static String of(Collection<?> all) {
        String shown = all.stream().limit(SHOWN).map(String::valueOf).collect(Collectors.joining(", "));
        return all.size() > SHOWN ? shown + " and " + (all.size() - SHOWN) + " more" : shown;
    }
}
