package io.meshcapture.verbs;

import io.meshcapture.failure.Failure;
import io.meshcapture.plan.Address;
import io.meshcapture.plan.Dns;
import io.meshcapture.plan.Plan;
import io.meshcapture.rules.AlwaysDirect;
import io.meshcapture.system.HostFacts;
import io.meshcapture.system.ResolvConf;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * The DNS servers that the host names, read once and only where a plan asks for them.
 *
 * @param servers those whose queries can be captured
 * @param notes what the user should know
 */
record NameServers(List<Address> servers, List<String> notes) {

    private static final NameServers NONE = new NameServers(List.of(), List.of());

    /** Docker's embedded DNS server: its own queries leave from the host's namespace and not from the container's. */
    private static final Address DOCKER = Address.ipv4(0x7f00000b);

    NameServers {
        servers = List.copyOf(servers);
        notes = List.copyOf(notes);
    }

    /**
     * Those that a plan captures by resolv.conf; none where it names them itself.
     *
     * @throws Failure.Conflict where resolv.conf cannot be read or names none that can be captured
     */
    static NameServers of(Plan plan, Place place) {
        Dns dns = plan.dns();
        if (dns == null) {
            return NONE;
        }
        if (dns.servers() != Dns.Servers.RESOLV_CONF) {
            return new NameServers(List.of(), circleOf(dns, place));
        }
        ResolvConf file = ResolvConf.of(place.namespace());
        List<Address> servers = new ArrayList<>();
        List<String> others = new ArrayList<>(file.others());
        for (Address server : file.servers()) {
            if (canBeCaptured(server)) {
                servers.add(server);
            } else {
                others.add(server.toString());
            }
        }
        if (servers.isEmpty()) {
            throw new Failure.Conflict(
                    file.file() + " names no DNS server that could be captured",
                    others.isEmpty()
                            ? "it has no line that begins with nameserver"
                            : "it names only " + String.join(", ", others),
                    "name the servers with dns.servers, or write any");
        }
        List<String> notes = new ArrayList<>();
        if (!others.isEmpty()) {
            notes.add("DNS to " + String.join(", ", others) + " of " + file.file()
                    + " is left alone: it is no address that a redirect could take from its interface");
        }
        addCircle(servers, servers, notes);
        return new NameServers(servers, notes);
    }

    private static boolean canBeCaptured(Address server) {
        return !AlwaysDirect.isIpv6LinkLocal(server)
                && AlwaysDirect.MULTICAST.stream().noneMatch(network -> network.contains(server));
    }

    private static List<String> circleOf(Dns dns, Place place) {
        List<String> notes = new ArrayList<>();
        try {
            addCircle(
                    ResolvConf.of(place.namespace()).servers(),
                    dns.servers() == Dns.Servers.ANY ? null : dns.addresses(),
                    notes);
        } catch (Failure.Conflict nobodyKnows) {
            return notes; // and the plan does not ask
        }
        return notes;
    }

    /**
     * A resolver on this host asks others in turn. Where that is captured, and Envoy asks this resolver, every query goes round
     * for ever.
     *
     * @param asked the servers that applications, and Envoy by default, ask
     * @param captured the servers that are captured, or null for all
     */
    private static void addCircle(List<Address> asked, @Nullable List<Address> captured, List<String> notes) {
        Set<Address> own = HostFacts.ownAddresses();
        for (Address resolver : asked) {
            boolean asksOthersFromHere = isLocal(resolver, own) && !resolver.equals(DOCKER);
            boolean othersAreCaptured = captured == null || captured.stream().anyMatch(server -> !isLocal(server, own));
            if (asksOthersFromHere && othersAreCaptured) {
                notes.add("the resolver on this host, " + resolver + ", asks servers whose DNS is captured too;"
                        + " if Envoy asks this resolver, queries go round in a circle;"
                        + " give Envoy's DNS listener other servers, or capture that resolver alone with dns.servers: "
                        + resolver);
                return;
            }
        }
    }

    private static boolean isLocal(Address server, Set<Address> own) {
        return own.contains(server) || server.isLoopback();
    }
}
