package io.meshcapture.verbs;

import io.meshcapture.failure.Failure;
import io.meshcapture.system.Processes;
import io.meshcapture.system.SocketTable.Listening;
import io.meshcapture.system.UserNumbers;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;

/**
 * Envoy's listeners that somebody else has than the plan's Envoy: another program, or an Envoy of another user, whose own
 * connections would come back to it.
 *
 * @param owners for each of them, where he listens
 * @param envoy whom the plan says
 */
record StrangersListeners(Map<Owner, List<ListenerAddress>> owners, EnvoyIdentity envoy) {

    /**
     * @param uid as the network namespace counts
     * @param processes as {@code 4711 (nginx)}; empty where they cannot be seen
     */
    record Owner(long uid, Set<String> processes) {
        @Override
        public String toString() {
            return "uid " + uid
                    + (processes.isEmpty()
                            ? ""
                            : ", process " + processes.stream().collect(Collectors.joining(", ")));
        }
    }

    static StrangersListeners of(EnvoyListeners listeners, EnvoyIdentity envoy, boolean ipv6) {
        Map<ListenerAddress, List<Listening>> there = new LinkedHashMap<>();
        listeners.needed(ipv6).forEach(need -> there.put(need.place(), need.serving()));
        return among(there, envoy);
    }

    /**
     * @param there who is reached at each place; nobody is no stranger
     * @param envoy where that is not known, nobody is a stranger
     */
    static StrangersListeners among(Map<ListenerAddress, List<Listening>> there, EnvoyIdentity envoy) {
        UserNumbers numbers = !envoy.isKnown() || there.isEmpty() ? null : UserNumbers.ofThisNamespace();
        Map<ListenerAddress, Listening> found = new LinkedHashMap<>();
        there.forEach((place, serving) -> {
            if (numbers != null && envoy.isNoneOf(serving, numbers)) {
                found.put(place, serving.getFirst());
            }
        });
        Map<Owner, List<ListenerAddress>> owners = new LinkedHashMap<>();
        if (numbers != null && !found.isEmpty()) {
            Map<Long, Set<String>> processes = Processes.ofSockets(
                    found.values().stream().map(Listening::inode).collect(Collectors.toSet()));
            found.forEach((place, one) -> {
                Set<String> its = new TreeSet<>(processes.getOrDefault(one.inode(), Set.of()));
                owners.computeIfAbsent(new Owner(numbers.user(one.uid()), its), _ -> new ArrayList<>())
                        .add(place);
            });
        }
        return new StrangersListeners(owners, envoy);
    }

    boolean isEmpty() {
        return owners.isEmpty();
    }

    /** Whether all of them are programs of which it is known that they are not Envoy. */
    private boolean areOtherPrograms() {
        return owners.keySet().stream()
                .allMatch(owner -> !owner.processes().isEmpty()
                        && owner.processes().stream().noneMatch(process -> process.contains("(envoy")));
    }

    /** {@code Envoy's listener 127.0.0.1:15001 belongs to uid 0, process 4711 (envoy), and the plan's envoy.user is 101}. */
    String what() {
        String each = owners.entrySet().stream()
                .map(entry -> ListenerAddress.words(entry.getValue()) + " belongs to " + entry.getKey())
                .collect(Collectors.joining(", and its listener "));
        return "Envoy's listener " + each + ", and the plan's " + envoy;
    }

    /** What comes of it, where connections are captured. */
    String because() {
        return areOtherPrograms()
                ? "captured connections come to that program instead of Envoy"
                : "Envoy's own connections are captured again and again";
    }

    /** What would come of it. */
    String warning() {
        return areOtherPrograms()
                ? "captured connections would come to that program instead of Envoy"
                : "Envoy's own connections would be captured again and again";
    }

    String mend() {
        String correct = envoy.groups().isEmpty() ? "correct envoy.user" : "correct envoy.user or envoy.group";
        if (areOtherPrograms()) {
            return "end that program, or have it or Envoy listen on another port; if it is Envoy, " + correct;
        }
        return correct + (envoy.groups().isEmpty() ? ", name Envoy's group with envoy.group" : "")
                + ", or end the program that has its port";
    }

    /** @throws Failure.Conflict where there are any: nothing may be captured to them */
    void refuse() {
        if (!isEmpty()) {
            throw new Failure.Conflict(what(), warning(), mend());
        }
    }
}
