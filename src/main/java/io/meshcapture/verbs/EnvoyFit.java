package io.meshcapture.verbs;

import io.meshcapture.envoy.Admin;
import io.meshcapture.envoy.EnvoyVersion;
import io.meshcapture.envoy.Fit;
import io.meshcapture.envoy.NoAnswer;
import io.meshcapture.envoy.RefusedListener;
import io.meshcapture.envoy.RunningCluster;
import io.meshcapture.envoy.RunningListener;
import io.meshcapture.plan.Address;
import io.meshcapture.plan.Choices;
import io.meshcapture.plan.HostPort;
import io.meshcapture.plan.Plan;
import io.meshcapture.rules.Decision;
import io.meshcapture.rules.InboundDecision;
import io.meshcapture.rules.InboundStep;
import io.meshcapture.system.HostFacts;
import io.meshcapture.system.Processes;
import io.meshcapture.system.SocketTable;
import io.meshcapture.system.SocketTable.Open;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.SortedSet;
import java.util.TreeSet;

/**
 * Whether the running Envoy fits the plan: who listens, what its own configuration says, and whether a second one is beside it.
 *
 * @param faults sentences, each with its mend: because of these, captured connections fail or go round in a circle
 * @param notes likewise, of what works and may surprise
 */
record EnvoyFit(List<String> faults, List<String> notes) {

    EnvoyFit {
        faults = List.copyOf(faults);
        notes = List.copyOf(notes);
    }

    /** Where inbound connections are handed over untranslated, whether Envoy's listener may take them: the kernel tells. */
    static List<String> transparency(Decision decision) {
        InboundDecision inbound = decision.inbound();
        if (inbound == null
                || inbound.mode() != Choices.InboundMode.TPROXY
                || !SocketTable.isWithoutTransparency(inbound.listener().number())) {
            return List.of();
        }
        return List.of(
                "Envoy's listener " + inbound.listener() + " is not transparent, so that with inbound.mode: tproxy"
                        + " every client is refused; write transparent: true into it and give Envoy CAP_NET_ADMIN, or write"
                        + " mode: redirect");
    }

    /** A fresh network namespace has no 127.0.0.1 before its loopback is up, and that is where captured connections go. */
    static List<String> loopback() {
        return HostFacts.ownAddresses().contains(Address.LOOPBACK_IPV4)
                ? List.of()
                : List.of("nobody has 127.0.0.1 in this network namespace, so captured connections fail; bring loopback"
                        + " up with: ip link set lo up");
    }

    /** Compares what is to stand with the Envoy that runs. */
    static EnvoyFit of(Plan plan, Place place, Wanted wanted) {
        List<String> faults = new ArrayList<>(loopback());
        MissingListeners missing = wanted.envoy().missing(wanted.ipv6());
        if (!missing.isEmpty()) {
            faults.add(missing.what() + ", so captured connections fail; start Envoy" + missing.privilege());
        }
        DnsListener dns = wanted.envoy().dns();
        String unanswerable = dns == null ? "" : dns.unanswerable(wanted.ipv6());
        if (dns != null && !unanswerable.isEmpty()) {
            faults.add("answers of Envoy's DNS listener come from an address that nobody asked, because " + unanswerable
                    + "; have it listen on 127.0.0.1:" + dns.port() + " and [::1]:" + dns.port());
        }
        StrangersListeners strangers = wanted.listenersOfStrangers();
        if (!strangers.isEmpty()) {
            faults.add(strangers.what() + ", so that " + strangers.because() + "; " + strangers.mend());
        }
        faults.addAll(transparency(wanted.decision()));
        EnvoyFit rest = running(plan, place, envoysPorts(wanted.decision()), wanted.envoy());
        faults.addAll(rest.faults);
        return new EnvoyFit(faults, rest.notes);
    }

    /**
     * What a running Envoy tells of itself, and the kernel of two.
     *
     * @param envoysPorts the ports that captured connections go to
     */
    static EnvoyFit running(Plan plan, Place place, SortedSet<Integer> envoysPorts, EnvoyListeners listeners) {
        List<String> faults = new ArrayList<>();
        List<String> notes = new ArrayList<>(secondEnvoys(listeners));
        HostPort address = plan.envoy().admin();
        if (address != null) {
            Admin admin = new Admin(address);
            try {
                Admin.Readiness ready = admin.ready();
                if (!ready.live()) {
                    notes.add("Envoy is not ready, but " + ready.state() + ", by its admin interface " + address
                            + "; wait, or see why in its log");
                }
                for (RefusedListener refused : RefusedListener.of(admin)) {
                    notes.add("Envoy has refused the listener " + refused.name() + " that it was given, because "
                            + refused.why() + "; correct what it is given");
                }
                Fit.Findings findings = Fit.findings(
                        plan,
                        RunningListener.of(admin),
                        RunningCluster.of(admin),
                        EnvoysLookUps.of(plan, place, address),
                        envoysPorts);
                faults.addAll(findings.faults());
                notes.addAll(findings.notes());
                EnvoyVersion version = EnvoyVersion.of(admin);
                if (version.isOld()) {
                    notes.add(version.remark());
                }
            } catch (NoAnswer e) {
                notes.add("Envoy could not be asked whether it fits the plan, because " + e.because()
                        + "; start Envoy, or correct envoy.admin");
            }
        }
        return new EnvoyFit(faults, notes);
    }

    /** Those that captured connections go to, and those that inbound capture leaves to Envoy. */
    static SortedSet<Integer> envoysPorts(Decision decision) {
        SortedSet<Integer> ports = new TreeSet<>();
        decision.listeners().forEach(port -> ports.add(port.number()));
        if (decision.inbound() != null) {
            for (InboundStep step : decision.inbound().deciding()) {
                if (step instanceof InboundStep.EnvoysPorts envoys) {
                    ports.addAll(envoys.ports());
                }
            }
        }
        return ports;
    }

    /**
     * Two processes with sockets of their own at one address (SO_REUSEPORT, which Envoy sets): the kernel deals connections
     * out between them. An Envoy has a socket for each of its threads, and one that restarts hot shares them with the old one.
     */
    private static List<String> secondEnvoys(EnvoyListeners listeners) {
        Map<String, List<Open>> shared = new LinkedHashMap<>();
        for (Open socket : SocketTable.openListening()) {
            if (listeners.needs(socket.localPort())) {
                String place = socket.local() + " port " + socket.localPort();
                shared.computeIfAbsent(place, _ -> new ArrayList<>()).add(socket);
            }
        }
        shared.values().removeIf(sockets -> sockets.size() < 2);
        if (shared.isEmpty()) {
            return List.of();
        }
        Set<Long> inodes = new HashSet<>();
        shared.values().forEach(sockets -> sockets.forEach(socket -> inodes.add(socket.inode())));
        Map<Long, Set<String>> owners = Processes.ofSockets(inodes);
        List<String> notes = new ArrayList<>();
        shared.forEach((place, sockets) -> {
            List<Set<String>> each = sockets.stream()
                    .map(socket -> owners.getOrDefault(socket.inode(), Set.of()))
                    .filter(processes -> !processes.isEmpty())
                    .distinct()
                    .toList();
            boolean apart =
                    each.stream().anyMatch(one -> each.stream().anyMatch(other -> Collections.disjoint(one, other)));
            if (apart) {
                Set<String> all = new TreeSet<>();
                each.forEach(all::addAll);
                notes.add("captured connections to " + place + " are dealt out between several processes, "
                        + String.join(", ", all)
                        + "; end all but one, and write enable_reuse_port: false into Envoy's listener"
                        + " to have a second one refused");
            }
        });
        return notes;
    }
}
