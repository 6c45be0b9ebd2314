package io.meshcapture.rules;

import io.meshcapture.plan.Choices;
import io.meshcapture.plan.Port;
import java.util.ArrayList;
import java.util.List;

/**
 * How connections are decided that are meant for this host.
 *
 * @param mode how they reach Envoy
 * @param listener Envoy's listener for them
 * @param arriving asked first, of what arrives from outside only
 * @param deciding asked then, and of Envoy's own calls to this host too; what none of them decides is captured
 * @param endings what happens to a captured connection, in order
 */
public record InboundDecision(
        Choices.InboundMode mode,
        Port listener,
        List<InboundStep> arriving,
        List<InboundStep> deciding,
        List<Decision.Ending> endings) {

    public InboundDecision {
        arriving = List.copyOf(arriving);
        deciding = List.copyOf(deciding);
        endings = List.copyOf(endings);
    }

    /** All steps that an arriving connection meets. */
    List<InboundStep> steps() {
        List<InboundStep> steps = new ArrayList<>(arriving);
        steps.addAll(deciding);
        return steps;
    }
}
