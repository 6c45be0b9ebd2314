package io.meshcapture.backend.iptables;

import io.meshcapture.failure.Failure;
import io.meshcapture.rules.Decision;
import io.meshcapture.rules.Entry;
import io.meshcapture.rules.Step;

/** What a plan may ask and a flavour cannot do. */
final class Support {
    private Support() {}

    /** @throws Failure.Unavailable for each such thing */
    static void require(Flavour flavour, Decision decision) {
        boolean drops = decision.endings().contains(Decision.Ending.DROP_INVALID)
                || (decision.inbound() != null && decision.inbound().endings().contains(Decision.Ending.DROP_INVALID));
        if (drops) {
            throw new Failure.Unavailable(
                    "the backend " + flavour.label() + " cannot do what \"invalid: drop\" asks",
                    "an INVALID packet does not say whether its connection was captured, and iptables keeps no record of"
                            + " those that were",
                    "leave it out of the plan, or choose the backend nftables");
        }
        if (flavour == Flavour.LEGACY && asksForGroups(decision)) {
            throw new Failure.Unavailable(
                    "the backend " + flavour.label() + " cannot tell callers by unit or cgroup without harm",
                    "once the control group of a rule is gone, the kernel refuses every further change of the table, also by"
                            + " other programs",
                    "name the service's user instead, or choose the backend iptables-nft or nftables");
        }
    }

    private static boolean asksForGroups(Decision decision) {
        for (Step step : decision.steps()) {
            if (step instanceof Step.Lookup lookup) {
                for (Entry entry : lookup.entries()) {
                    if (entry.caller().cgroup() != null) {
                        return true;
                    }
                }
            }
        }
        return false;
    }
}
