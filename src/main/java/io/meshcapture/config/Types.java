package io.meshcapture.config;

import io.meshcapture.plan.Account;
import io.meshcapture.plan.Address;
import io.meshcapture.plan.BadValue;
import io.meshcapture.plan.CgroupPath;
import io.meshcapture.plan.Choices;
import io.meshcapture.plan.Destination;
import io.meshcapture.plan.Dns;
import io.meshcapture.plan.Family;
import io.meshcapture.plan.HostName;
import io.meshcapture.plan.HostPort;
import io.meshcapture.plan.InterfaceName;
import io.meshcapture.plan.Network;
import io.meshcapture.plan.Origin;
import io.meshcapture.plan.Port;
import io.meshcapture.plan.Ports;
import io.meshcapture.plan.ServiceName;
import io.meshcapture.plan.UnitName;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** How each kind of value of a plan is read from its text: by the types of {@code plan} alone. */
final class Types {

    /** An item of {@code inbound.except}: ports, or the word {@code envoy}. */
    record InboundPorts(Ports ports, boolean envoy) {
        @Override
        public String toString() {
            return envoy ? "envoy" : ports.toString();
        }
    }

    /** An item of {@code dns.servers}: an address, or a word that stands for servers. */
    record DnsServer(Dns.Servers kind, @Nullable Address address) {
        @Override
        public String toString() {
            return address == null ? kind == Dns.Servers.ANY ? "any" : "resolv.conf" : address.toString();
        }
    }

    static final ValueType<Account> USER = (text, origin) -> Account.parse(Account.Kind.USER, text, origin);
    static final ValueType<Account> GROUP = (text, origin) -> Account.parse(Account.Kind.GROUP, text, origin);
    static final ValueType<UnitName> UNIT = UnitName::parse;
    static final ValueType<CgroupPath> CGROUP = CgroupPath::parse;
    static final ValueType<ServiceName> SERVICE_NAME = (text, origin) -> ServiceName.parse(text);
    static final ValueType<ServiceName> ZONE_NAME = (text, origin) -> {
        try {
            return ServiceName.parse(text);
        } catch (BadValue bad) {
            throw new BadValue("zone name " + BadValue.quote(text) + " is not a DNS label", bad.mend());
        }
    };
    static final ValueType<Port> PORT = (text, origin) -> Port.parse(text);
    static final ValueType<HostPort> HOST_PORT = (text, origin) -> HostPort.parse(text);
    static final ValueType<InterfaceName> INTERFACE = (text, origin) -> InterfaceName.parse(text);
    static final ValueType<Choices.OnEnvoyDown> ON_ENVOY_DOWN = choice("on-envoy-down", Choices.OnEnvoyDown.values());
    static final ValueType<Ports> INBOUND_TO = (text, origin) -> text.equals("any") ? Ports.ALL : Ports.parse(text);
    static final ValueType<InboundPorts> INBOUND_EXCEPT = (text, origin) ->
            text.equals("envoy") ? new InboundPorts(Ports.NONE, true) : new InboundPorts(Ports.parse(text), false);
    static final ValueType<DnsServer> DNS_SERVER = (text, origin) -> switch (text) {
        case "resolv.conf" -> new DnsServer(Dns.Servers.RESOLV_CONF, null);
        case "any" -> new DnsServer(Dns.Servers.ANY, null);
        default -> new DnsServer(Dns.Servers.LISTED, Address.parse(text));
    };

    private static final Set<String> LOOPBACK_NAMES =
            Set.of("localhost", "localhost.localdomain", "ip6-localhost", "ip6-loopback");

    private final Problems problems;

    /** @param problems takes the notes about values that are read as something else than they say */
    Types(Problems problems) {
        this.problems = problems;
    }

    ValueType<Network> network() {
        return (text, origin) -> {
            Network network = Network.parse(text);
            noteReading(text, network, origin);
            return network;
        };
    }

    /** A destination that is never everything: an {@code except} of everything would be a plan without effect. */
    ValueType<Destination> except() {
        return (text, origin) -> {
            if (text.equals("any")) {
                throw new BadValue(
                        "except \"any\" would leave nothing to capture",
                        "write destinations such as 10.0.0.0/8 or :22");
            }
            return destination(text, origin);
        };
    }

    /** A destination, or {@code any}. */
    ValueType<Destination> to() {
        return (text, origin) -> text.equals("any") ? Destination.any(origin) : destination(text, origin);
    }

    private Destination destination(String text, Origin origin) throws BadValue {
        Destination destination = Destination.parse(text, origin);
        if (destination.network() != null) {
            noteReading(text, destination.network(), origin);
        }
        return destination;
    }

    /** A name that a service may capture. */
    ValueType<HostName> host() {
        return (text, origin) -> {
            HostName host = HostName.parse(text);
            String name = host.value();
            if (LOOPBACK_NAMES.contains(name) || name.endsWith(".localhost")) {
                throw new BadValue(
                        "host name " + BadValue.quote(text) + " is this host's own, on which everything here relies",
                        "write the name of another");
            }
            if (name.equals("kubernetes")
                    || name.equals("kubernetes.default")
                    || name.startsWith("kubernetes.default.svc")) {
                throw new BadValue(
                        "host name " + BadValue.quote(text)
                                + " is the Kubernetes API server, which clients reach directly",
                        "write the name of another");
            }
            if (name.indexOf('_') >= 0) {
                problems.note("host name " + BadValue.quote(text) + " has an underscore, which some resolvers refuse; "
                        + origin);
            }
            return host;
        };
    }

    private void noteReading(String text, Network network, Origin origin) throws BadValue {
        if (network.family() == Family.IPV4 && text.indexOf(':') != text.lastIndexOf(':')) {
            problems.note(
                    "the IPv4-mapped address of " + BadValue.quote(text) + " is read as " + network + "; " + origin);
            return;
        }
        int slash = text.indexOf('/');
        if (slash < 0 || network.prefix() == network.family().bits()) {
            return;
        }
        Address written = Address.parse(text.substring(text.startsWith("[") ? 1 : 0, slash));
        if (!written.equals(network.base())) {
            problems.note("network " + BadValue.quote(written + "/" + network.prefix()) + " is read as " + network
                    + "; " + origin);
        }
    }

    /** One word out of a few. */
    static <E extends Enum<E>> ValueType<E> choice(String name, E[] choices) {
        return (text, origin) -> {
            for (E choice : choices) {
                if (Choices.word(choice).equals(text)) {
                    return choice;
                }
            }
            List<String> words = new ArrayList<>(choices.length);
            for (E choice : choices) {
                words.add(Choices.word(choice));
            }
            String last = words.removeLast();
            throw new BadValue(
                    name + " " + BadValue.quote(text) + " is not known",
                    "write " + String.join(", ", words) + " or " + last);
        };
    }
}
