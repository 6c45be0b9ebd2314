package io.meshcapture.verbs;

import io.meshcapture.plan.Plan;
import java.util.List;

/** When running programs see a changed hosts file. */
final class Reloading {
    private Reloading() {}

    static List<String> notes(Plan plan) {
        return List.of(
                "programs see the names at their next look-up; a JVM after up to 30 s, Go after 5 s, programs with Netty"
                        + " (Spring WebFlux, Vert.x) after a restart; open connections go on as they are");
    }
}
