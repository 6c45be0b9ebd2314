package io.meshcapture.verbs;

import io.meshcapture.backend.iptables.IptablesBackend;
import io.meshcapture.backend.nftables.NftablesBackend;
import io.meshcapture.plan.Choices;
import io.meshcapture.plan.Family;
import io.meshcapture.plan.Plan;
import io.meshcapture.rules.Decision;

/** The ruleset of a plan as text. Touches nothing and needs no privilege but to enter another namespace. */
public final class Render {
    private Render() {}

    /** {@code ipv6: auto} is rendered as capture: what Envoy can take is asked only where it counts. */
    public static String run(Plan plan, Place place) throws Exception {
        Supported.require(plan);
        Choices.Ipv6 ipv6 = plan.ipv6() == Choices.Ipv6.AUTO ? Choices.Ipv6.CAPTURE : plan.ipv6();
        return place.there(() -> {
            Decision decision = Wanted.explained(plan, place, ipv6);
            if (Backends.isNftables(plan.backend())) {
                return NftablesBackend.render(decision);
            }
            return "# for iptables-restore --noflush\n" + IptablesBackend.render(decision, Family.IPV4)
                    + "# for ip6tables-restore --noflush\n" + IptablesBackend.render(decision, Family.IPV6);
        });
    }
}
