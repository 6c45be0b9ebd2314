package io.meshcapture.envoy;

import io.meshcapture.plan.Address;
import io.meshcapture.plan.BadValue;
import io.meshcapture.plan.Family;
import io.meshcapture.plan.HostName;
import io.meshcapture.plan.Network;
import io.meshcapture.plan.Plan;
import io.meshcapture.plan.PortRange;
import io.meshcapture.plan.Service;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.SortedSet;
import java.util.TreeSet;

/** What of a running Envoy does not fit a plan. */
public final class Fit {

    /**
     * As sentences, each with what to do.
     *
     * @param faults because of which captured connections fail
     * @param notes what works otherwise than somebody may think
     */
    public record Findings(List<String> faults, List<String> notes) {
        public Findings {
            faults = List.copyOf(faults);
            notes = List.copyOf(notes);
        }
    }

    /** Where services that are captured by name have their addresses. */
    private static final Network NAMED = new Network(new Address(Family.IPV4, 0, 0x7f420000L), 16);

    private final Plan plan;
    private final List<RunningListener> listeners;
    private final List<RunningCluster> clusters;
    private final LookUps lookUps;

    private Fit(Plan plan, List<RunningListener> listeners, List<RunningCluster> clusters, LookUps lookUps) {
        this.plan = plan;
        this.listeners = listeners;
        this.clusters = clusters;
        this.lookUps = lookUps;
    }

    /**
     * Compares.
     *
     * @param envoysPorts those that inbound capture leaves to Envoy
     */
    public static Findings findings(
            Plan plan,
            List<RunningListener> listeners,
            List<RunningCluster> clusters,
            LookUps lookUps,
            SortedSet<Integer> envoysPorts) {
        Fit fit = new Fit(plan, listeners, clusters, lookUps);
        List<String> faults = new ArrayList<>();
        fit.addWithoutOriginalDestination(faults);
        fit.addLoops(faults);
        List<String> notes = new ArrayList<>();
        fit.addForwardProxies(notes);
        fit.addSwallowed(envoysPorts, notes);
        return new Findings(faults, notes);
    }

    private void addWithoutOriginalDestination(List<String> findings) {
        SortedSet<Integer> ports = new TreeSet<>();
        for (Service service : plan.services()) {
            if (service.hosts() == null) {
                ports.add(service.outbound().number());
            }
        }
        if (plan.inbound() != null && plan.envoy().inbound() != null) {
            ports.add(plan.envoy().inbound().number());
        }
        for (RunningListener listener : listeners) {
            boolean isMeant =
                    listener.sockets().stream().anyMatch(socket -> !socket.udp() && ports.contains(socket.port()));
            if (isMeant && !listener.originalDestination()) {
                findings.add("Envoy's listener " + listener.name() + " on " + places(listener)
                        + " has no listener filter original_dst, so it cannot know where captured connections wanted to go;"
                        + " add envoy.filters.listener.original_dst, or see meshcapture envoy-config");
            }
        }
    }

    private void addLoops(List<String> findings) {
        Set<String> names = names();
        for (RunningCluster cluster : clusters) {
            for (String host : cluster.hosts()) {
                String name = host.endsWith(".") ? host.substring(0, host.length() - 1) : host;
                if (names.contains(name.toLowerCase(Locale.ROOT))) {
                    addLoop(cluster, host, name, findings);
                } else if (isNamed(host)) {
                    findings.add("Envoy's cluster " + cluster.name() + " has the endpoint " + host
                            + ", an address of services that are captured by name, so that every request goes round in a circle;"
                            + " give it the address of an instance");
                }
            }
        }
    }

    /** The names of all services that are captured by name. */
    private Set<String> names() {
        Set<String> names = new TreeSet<>();
        for (Service service : plan.services()) {
            if (service.hosts() != null) {
                service.hosts().names().stream().map(HostName::value).forEach(names::add);
            }
        }
        return names;
    }

    /** Whether requests for captured names come to such a cluster is a matter of its routes. */
    private void addForwardProxies(List<String> findings) {
        for (RunningCluster cluster : clusters) {
            if (cluster.forwards()) {
                names().stream()
                        .filter(name -> lookUps.of(name, cluster.resolver()) != LookUps.Loop.NONE)
                        .findFirst()
                        .ifPresent(name -> findings.add("Envoy's cluster " + cluster.name()
                                + " looks up whatever name a request is for, and " + name
                                + " leads to Envoy itself, so that a request for it goes round in a circle; have requests for"
                                + " names of services routed to clusters of their own, as envoy-config prints them"));
            }
        }
    }

    private void addLoop(RunningCluster cluster, String host, String name, List<String> findings) {
        String looks = "Envoy's cluster " + cluster.name() + " looks " + host + " up, which ";
        String circle = " sends to Envoy itself, so that every request goes round in a circle; ";
        switch (lookUps.of(host, cluster.resolver())) {
            case NONE -> {}
            case FILE ->
                findings.add(looks + "the hosts file" + circle + "write it as \"" + name
                        + ".\", with a dot at the end, which is asked of DNS alone; or give Envoy addresses instead of"
                        + " the name, or an nsswitch.conf of its own with hosts: dns");
            case RESOLVER ->
                findings.add(looks + "the hosts file" + circle + "its resolver " + cluster.resolver()
                        + " reads that file in any case: take it out for Envoy's own, c-ares, and write \"" + name
                        + ".\", with a dot at the end");
            case DNS ->
                findings.add(looks + "the name server of this host, answering out of the hosts file," + circle
                        + "have it leave that file alone (systemd-resolved: ReadEtcHosts=no; dnsmasq: no-hosts), or give"
                        + " Envoy another server or addresses");
        }
    }

    private static boolean isNamed(String host) {
        try {
            return NAMED.contains(Address.parse(host));
        } catch (BadValue name) {
            return false;
        }
    }

    private void addSwallowed(SortedSet<Integer> envoysPorts, List<String> findings) {
        if (plan.inbound() == null || plan.inbound().exceptEnvoy()) {
            return;
        }
        SortedSet<Integer> swallowed = new TreeSet<>();
        for (RunningListener listener : listeners) {
            for (RunningListener.Socket socket : listener.sockets()) {
                if (listener.bound()
                        && !socket.udp()
                        && !isLoopback(socket)
                        && isCaptured(socket.port(), envoysPorts)) {
                    swallowed.add(socket.port());
                }
            }
        }
        if (!swallowed.isEmpty()) {
            String ports =
                    String.join(", ", swallowed.stream().map(String::valueOf).toList());
            findings.add("inbound capture takes what arrives for Envoy's own port" + (swallowed.size() > 1 ? "s " : " ")
                    + ports + "; write inbound.except: [envoy], or the ports");
        }
    }

    private boolean isCaptured(int port, SortedSet<Integer> envoysPorts) {
        return port > 0
                && plan.inbound() != null
                && !envoysPorts.contains(port)
                && !has(plan.inbound().except().ranges(), port)
                && has(plan.inbound().to().ranges(), port);
    }

    private static boolean has(List<PortRange> ranges, int port) {
        return ranges.stream().anyMatch(range -> range.first() <= port && port <= range.last());
    }

    private static boolean isLoopback(RunningListener.Socket socket) {
        return socket.address().isLoopback();
    }

    private static String places(RunningListener listener) {
        return String.join(
                " and ",
                listener.sockets().stream()
                        .map(RunningListener.Socket::toString)
                        .toList());
    }
}
