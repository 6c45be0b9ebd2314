package io.meshcapture.backend.iptables;

import io.meshcapture.backend.Change;
import io.meshcapture.backend.Finding;
import io.meshcapture.plan.Family;
import java.util.List;
import java.util.Map;

/**
 * A change that has not been committed.
 *
 * @param target what is to stand of ours, by family
 * @param takesAway whether less is captured afterwards, so that what captures goes first
 * @param differences what the change is made of
 */
record IptablesChange(Map<Family, Ruleset> target, boolean takesAway, List<Finding> differences) implements Change {
    @Override
    public boolean isNothing() {
        return differences.isEmpty();
    }
}
