package io.meshcapture.verbs;

import io.meshcapture.plan.Account;
import io.meshcapture.plan.BadValue;
import io.meshcapture.plan.Plan;
import io.meshcapture.rules.Decision;
import io.meshcapture.rules.Step;
import io.meshcapture.system.Processes;
import io.meshcapture.system.SocketTable.Listening;
import io.meshcapture.system.UserNumbers;
import java.util.Collection;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * By which users and groups the plan tells Envoy: one of either is enough, as it is for the rules.
 *
 * @param users as the network namespace counts; empty where they are not known, and nobody is a stranger then
 * @param groups likewise; empty where Envoy is told by its user alone
 */
record EnvoyIdentity(Set<Long> users, Set<Long> groups) {

    /** What the kernel shows for a user that has no number in this user namespace (overflowuid). */
    private static final long UNMAPPED = 65534;

    private static final EnvoyIdentity UNKNOWN = new EnvoyIdentity(Set.of(), Set.of());

    EnvoyIdentity {
        users = Set.copyOf(users);
        groups = Set.copyOf(groups);
    }

    /** That of a decision. */
    static EnvoyIdentity of(Decision decision) {
        Set<Long> users = Set.of();
        Set<Long> groups = Set.of();
        for (Step step : decision.steps()) {
            if (step instanceof Step.EnvoyUsers envoy) {
                users = envoy.uids();
            } else if (step instanceof Step.EnvoyGroups envoy) {
                groups = envoy.gids();
            }
        }
        return new EnvoyIdentity(users, groups);
    }

    /** That of a plan of which nothing is compiled; not known where one of its names is not known here. */
    static EnvoyIdentity of(Plan plan, Place place) {
        HostIdentities identities = new HostIdentities(place.accounts());
        try {
            Set<Long> users = new HashSet<>();
            for (Account user : plan.envoy().users()) {
                users.add(identities.id(user));
            }
            Set<Long> groups = new HashSet<>();
            for (Account group : plan.envoy().groups()) {
                groups.add(identities.id(group));
            }
            return new EnvoyIdentity(users, groups);
        } catch (BadValue unknown) {
            return UNKNOWN;
        }
    }

    boolean isKnown() {
        return !users.isEmpty() || !groups.isEmpty();
    }

    /**
     * Whether none of those who have a place is Envoy. Sockets tell their user, and only processes a group: where Envoy is
     * told by its group and a process cannot be seen, it may be Envoy.
     */
    boolean isNoneOf(Collection<Listening> serving, UserNumbers numbers) {
        boolean isUsers =
                serving.stream().anyMatch(one -> users.contains(numbers.user(one.uid())) || one.uid() == UNMAPPED);
        if (serving.isEmpty() || isUsers) {
            return false;
        }
        if (groups.isEmpty()) {
            return true;
        }
        Map<Long, Long> known =
                Processes.groupsOfSockets(serving.stream().map(Listening::inode).collect(Collectors.toSet()));
        return serving.stream()
                .allMatch(one ->
                        known.containsKey(one.inode()) && !groups.contains(numbers.group(known.get(one.inode()))));
    }

    /** {@code envoy.user is 1337}, or {@code envoy.user is 1337 and envoy.group 1337}. */
    @Override
    public String toString() {
        return Stream.of(words("envoy.user is", users), words("envoy.group is", groups))
                .filter(words -> !words.isEmpty())
                .collect(Collectors.joining(" and "));
    }

    private static String words(String what, Set<Long> ids) {
        List<String> numbers = ids.stream().sorted().map(String::valueOf).toList();
        return numbers.isEmpty() ? "" : what + " " + String.join(", ", numbers);
    }
}
