package io.meshcapture.verbs;

import io.meshcapture.doctor.Finding;
import io.meshcapture.doctor.HostExaminations;
import io.meshcapture.doctor.Report;
import io.meshcapture.doctor.Topic;
import io.meshcapture.failure.Failure;
import io.meshcapture.plan.Plan;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;

/** Examines the host, and whether a plan fits it. Changes nothing. */
public final class Doctor {
    private Doctor() {}

    /**
     * Looks at everything.
     *
     * @param plan reads the plan, whose failure is a finding like others; null where there is none
     */
    public static Report run(@Nullable Callable<Plan> plan, Place place) throws Exception {
        return place.there(() -> {
            List<Finding> findings = new ArrayList<>(HostExaminations.run(place.namespace(), place.environment()));
            Plan asked = null;
            if (plan != null) {
                try {
                    asked = plan.call();
                    findings.addAll(PlanFit.of(asked, place, captures()));
                } catch (Failure unreadable) {
                    findings.addAll(Finding.of(Topic.PLAN, "plan.unreadable", unreadable));
                }
            }
            return new Report(WrittenWith.added(asked, findings));
        });
    }

    /** Without the privilege nobody can tell. */
    private static boolean captures() {
        try (Backends backends = Backends.open()) {
            return backends.standing().live().isInForce();
        } catch (Failure unknown) {
            return false;
        }
    }
}
