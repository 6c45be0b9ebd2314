package io.meshcapture.rules;

import io.meshcapture.plan.Account;
import io.meshcapture.plan.Address;
import io.meshcapture.plan.Choices;
import io.meshcapture.plan.Destination;
import io.meshcapture.plan.Family;
import io.meshcapture.plan.From;
import io.meshcapture.plan.Inbound;
import io.meshcapture.plan.Network;
import io.meshcapture.plan.Plan;
import io.meshcapture.plan.Port;
import io.meshcapture.plan.Rank;
import io.meshcapture.plan.Service;
import io.meshcapture.plan.ServiceName;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The contract's sentences about who decides a connection, one after the other, without any of the compiler's machinery:
 * slow, and right by reading.
 */
final class FirstMatch {

    /** What becomes of a connection, and which service decided. */
    record Verdict(
            Explanation.Outcome outcome,
            @Nullable ServiceName service,
            @Nullable Port listener) {
        static Verdict of(Explanation explanation) {
            return new Verdict(explanation.outcome(), explanation.service(), explanation.listener());
        }
    }

    private static final Verdict DIRECT = new Verdict(Explanation.Outcome.DIRECT, null, null);

    private FirstMatch() {}

    static Verdict decide(Plan plan, Connection connection) {
        if (connection.caller().source() != null && plan.interfaces().outbound().isEmpty()) {
            return DIRECT;
        }
        boolean tcp = connection.protocol() == Connection.Protocol.TCP;
        boolean quic = plan.udp443() == Choices.Udp443.REJECT && connection.port() == 443;
        boolean ipv6 = connection.destination().family() == Family.IPV6;
        String device = connection.device();
        boolean leftAlone = device != null
                && plan.interfaces().except().stream()
                        .anyMatch(one -> one.value().equals(device)
                                || (one.value().equals("veth*") && device.startsWith("veth")));
        if (tcp
                && !leftAlone
                && plan.inbound() != null
                && isEnvoy(plan, connection.caller())
                && connection.ownAddresses().contains(connection.destination())) {
            return inbound(plan, plan.inbound(), connection.destination(), connection.port());
        }
        if (!(tcp || quic)
                || leftAlone
                || isEnvoy(plan, connection.caller())
                || isAlwaysDirect(connection)
                || (ipv6 && plan.ipv6() == Choices.Ipv6.BYPASS)
                || names(plan.except(), connection)) {
            return DIRECT;
        }
        for (Rank rank : Rank.values()) {
            for (Service service : plan.services()) {
                if (rankOf(service.from()) != rank || !fits(service.from(), connection.caller())) {
                    continue;
                }
                if (names(service.except(), connection)) {
                    return new Verdict(Explanation.Outcome.DIRECT, service.name(), null);
                }
                if (names(service.to(), connection)) {
                    boolean rejected = !tcp || (ipv6 && plan.ipv6() == Choices.Ipv6.REJECT);
                    return rejected
                            ? new Verdict(Explanation.Outcome.REJECTED, service.name(), null)
                            : new Verdict(Explanation.Outcome.CAPTURED, service.name(), service.outbound());
                }
            }
        }
        return DIRECT;
    }

    /** An address of the host, which is no link-local one in the small world. */
    private static Verdict inbound(Plan plan, Inbound inbound, Address destination, int port) {
        boolean ipv6 = destination.family() == Family.IPV6;
        boolean envoys = port == 4 || (port > 15000 && port < 15004);
        if (envoys
                || (ipv6 && plan.ipv6() == Choices.Ipv6.BYPASS)
                || inbound.except().contains(port)
                || !inbound.to().contains(port)) {
            return DIRECT;
        }
        return ipv6 && plan.ipv6() == Choices.Ipv6.REJECT
                ? new Verdict(Explanation.Outcome.REJECTED, null, null)
                : new Verdict(Explanation.Outcome.CAPTURED, null, new Port(4));
    }

    /** Of a connection that arrives. */
    static Verdict decide(Plan plan, Arrival arrival) {
        String device = arrival.device();
        boolean leftAlone = device != null && !device.equals("eth0"); // wg0, veth7
        return plan.inbound() == null
                        || arrival.protocol() != Connection.Protocol.TCP
                        || (leftAlone && !plan.interfaces().except().isEmpty())
                        || !arrival.ownAddresses().contains(arrival.destination())
                ? DIRECT
                : inbound(plan, plan.inbound(), arrival.destination(), arrival.port());
    }

    private static Rank rankOf(From from) {
        if (!from.units().isEmpty() || !from.cgroups().isEmpty()) {
            return Rank.CGROUP;
        }
        if (!from.users().isEmpty()) {
            return Rank.USER;
        }
        return from.groups().isEmpty() ? Rank.ANY : Rank.GROUP;
    }

    private static boolean isEnvoy(Plan plan, Caller caller) {
        return caller.source() == null && isEnvoysId(plan, caller);
    }

    private static boolean isEnvoysId(Plan plan, Caller caller) {
        return isOneOf(plan.envoy().users(), caller.uid())
                || isOneOf(plan.envoy().groups(), caller.gid());
    }

    private static boolean isOneOf(List<Account> accounts, long id) {
        return accounts.stream().anyMatch(account -> account.id() == id);
    }

    private static boolean isAlwaysDirect(Connection connection) {
        String address = connection.destination().toString();
        return connection.ownAddresses().contains(connection.destination())
                || address.startsWith("127.")
                || address.equals("::1")
                || address.startsWith("169.254.")
                || address.startsWith("fe80:")
                || address.startsWith("224.")
                || address.startsWith("ff02:")
                || address.equals("255.255.255.255");
    }

    private static boolean fits(From from, Caller caller) {
        Address source = caller.source();
        if (source != null) {
            return from.users().isEmpty()
                    && from.groups().isEmpty()
                    && from.units().isEmpty()
                    && from.cgroups().isEmpty()
                    && (from.networks().isEmpty()
                            || from.networks().stream().anyMatch(network -> network.contains(source)));
        }
        if (!from.networks().isEmpty()) {
            return false;
        }
        List<String> cgroups = new ArrayList<>();
        from.cgroups().forEach(path -> cgroups.add(path.value()));
        from.units().forEach(unit -> cgroups.addAll(new SmallWorld.Names().cgroups(unit)));
        String cgroup = caller.cgroup();
        return (from.users().isEmpty() || isOneOf(from.users(), caller.uid()))
                && (from.groups().isEmpty() || isOneOf(from.groups(), caller.gid()))
                && (cgroups.isEmpty()
                        || (cgroup != null
                                && cgroups.stream().anyMatch(path -> (cgroup + "/").startsWith(path + "/"))));
    }

    private static boolean names(List<Destination> destinations, Connection connection) {
        for (Destination destination : destinations) {
            Network network = destination.network();
            if ((network == null || network.contains(connection.destination()))
                    && destination.ports().contains(connection.port())) {
                return true;
            }
        }
        return false;
    }
}
