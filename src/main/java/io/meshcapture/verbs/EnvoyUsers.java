package io.meshcapture.verbs;

import io.meshcapture.plan.Account;
import io.meshcapture.plan.BadValue;
import io.meshcapture.plan.Plan;
import java.util.HashSet;
import java.util.Set;

/** Envoy's users by number, where nothing is compiled that would know them. */
final class EnvoyUsers {
    private EnvoyUsers() {}

    /** Empty where Envoy is told by a group too, or one of its users is not known here. */
    static Set<Long> of(Plan plan, Place place) {
        if (!plan.envoy().groups().isEmpty()) {
            return Set.of();
        }
        HostIdentities identities = new HostIdentities(place.accounts());
        Set<Long> users = new HashSet<>();
        for (Account user : plan.envoy().users()) {
            try {
                users.add(identities.id(user));
            } catch (BadValue unknown) {
                return Set.of();
            }
        }
        return users;
    }
}
