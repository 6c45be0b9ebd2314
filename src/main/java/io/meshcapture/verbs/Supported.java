package io.meshcapture.verbs;

import io.meshcapture.failure.Failure;
import io.meshcapture.plan.Choices;
import io.meshcapture.plan.Plan;
import io.meshcapture.plan.Service;

/** Refuses what a plan may ask for and this version cannot capture. Nothing of a plan is ever ignored. */
final class Supported {
    private Supported() {}

    /** @throws Failure.Unavailable naming the first such section */
    static void require(Plan plan) {
        for (Service service : plan.services()) {
            refuse(
                    service.onEnvoyDown() == Choices.OnEnvoyDown.OPEN,
                    "failing open (services." + service.name() + ".on-envoy-down: open)");
        }
    }

    private static void refuse(boolean asked, String what) {
        if (asked) {
            throw new Failure.Unavailable(
                    what + " is not built into this version",
                    "the plan asks for it, and nothing of a plan is ignored",
                    "take it out of the plan, or wait for a version that has it");
        }
    }
}
