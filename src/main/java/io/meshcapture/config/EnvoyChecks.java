package io.meshcapture.config;

import io.meshcapture.plan.Address;
import io.meshcapture.plan.BadValue;
import io.meshcapture.plan.Dns;
import io.meshcapture.plan.Family;
import io.meshcapture.plan.Origin;
import io.meshcapture.plan.Port;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Whether the settings of the plan fit each other. */
final class EnvoyChecks {

    /** A port that Envoy listens on. */
    private record Listener(String key, Port port, Origin origin) {}

    private final PlanDraft draft;
    private final Document document;
    private final Settings settings;
    private final Problems problems;

    EnvoyChecks(PlanDraft draft, Document document, Settings settings, Problems problems) {
        this.draft = draft;
        this.document = document;
        this.settings = settings;
        this.problems = problems;
    }

    void check() {
        checkIdentity();
        checkListeners();
        checkInbound();
        checkDns();
    }

    private void checkIdentity() {
        boolean given = names(draft.envoy().users()) || names(draft.envoy().groups());
        if (!given && !document.isUnknown("envoy")) {
            Section envoy = document.sections().get("envoy");
            problems.add(
                    envoy == null ? document.origin() : envoy.origin(),
                    "nothing says which traffic is Envoy's own",
                    "write envoy.user (--envoy-user) or envoy.group, such as envoy or 1337");
        }
    }

    private static boolean names(@Nullable Given<?> given) {
        return given != null && (!given.whole() || !given.values().isEmpty());
    }

    private void checkListeners() {
        List<Listener> listeners = new ArrayList<>();
        add(listeners, Setting.ENVOY_OUTBOUND, draft.envoy().outbound());
        add(listeners, Setting.ENVOY_INBOUND, draft.envoy().inbound());
        add(listeners, Setting.ENVOY_DNS, draft.envoy().dns());
        if (draft.envoy().admin() != null) {
            listeners.add(new Listener(
                    Setting.ENVOY_ADMIN.key(),
                    draft.envoy().admin().value().port(),
                    draft.envoy().admin().origin()));
        }
        for (int i = 1; i < listeners.size(); i++) {
            for (int j = 0; j < i; j++) {
                Listener one = listeners.get(i);
                Listener other = listeners.get(j);
                if (one.port().equals(other.port())) {
                    problems.add(
                            one.origin(),
                            "port " + BadValue.quote(one.port().toString()) + " of " + one.key() + " is the port of "
                                    + other.key() + " too (" + other.origin() + ")",
                            "give each its own port");
                }
            }
        }
    }

    private static void add(List<Listener> listeners, Setting setting, @Nullable Placed<Port> port) {
        if (port != null) {
            listeners.add(new Listener(setting.key(), port.value(), port.origin()));
        }
    }

    private void checkInbound() {
        if (settings.winner(Setting.ENVOY_INBOUND) == null && !document.isUnknown("envoy")) {
            refuseWithout("inbound", "envoy.inbound", "such as 15006");
        }
        settings.refuseNothing(draft.inbound().to(), "inbound.to", "write any, or ports");
        Given<Types.InboundPorts> except = draft.inbound().except();
        if (except == null || settings.winner(Setting.ENVOY_ADMIN) != null) {
            return;
        }
        for (Placed<Types.InboundPorts> item : except.values()) {
            if (item.value().envoy()) {
                problems.add(
                        item.origin(),
                        "\"envoy\" in inbound.except needs envoy.admin, where its ports are asked for",
                        "write envoy.admin, such as 127.0.0.1:9901, or the ports");
            }
        }
    }

    private void checkDns() {
        if (settings.winner(Setting.ENVOY_DNS) == null && !document.isUnknown("envoy")) {
            refuseWithout("dns", "envoy.dns", "such as 15053");
        }
        Given<Types.DnsServer> servers = draft.dnsServers();
        settings.refuseNothing(servers, "dns.servers", "write resolv.conf, any, or addresses");
        if (servers == null) {
            return;
        }
        for (Placed<Types.DnsServer> server : servers.values()) {
            Address address = server.value().address();
            String kind = address == null ? "" : unusable(address);
            if (!kind.isEmpty()) {
                problems.add(
                        server.origin(),
                        BadValue.quote(String.valueOf(address)) + " in dns.servers is " + kind
                                + ", and DNS to it is never captured",
                        "write an address by which a server is asked, such as 10.0.0.2 or 127.0.0.53");
            }
        }
        if (servers.values().size() < 2) {
            return;
        }
        for (Placed<Types.DnsServer> server : servers.values()) {
            if (server.value().kind() != Dns.Servers.LISTED) {
                problems.add(
                        server.origin(),
                        BadValue.quote(server.value().toString()) + " stands beside others in dns.servers",
                        "write it alone, or addresses only");
            }
        }
    }

    private static String unusable(Address address) {
        if (address.high() == 0 && address.low() == 0) {
            return "the address of all zeros";
        }
        boolean ipv4 = address.family() == Family.IPV4;
        if (ipv4 && address.low() == 0xffffffffL) {
            return "the broadcast address";
        }
        if (ipv4 ? address.low() >>> 28 == 0xe : address.high() >>> 56 == 0xff) {
            return "a multicast address";
        }
        return !ipv4 && address.high() >>> 54 == 0xfe80 >>> 6
                ? "link-local, which means nothing without its interface"
                : "";
    }

    /** Refuses settings of a section that have no effect without Envoy's listener. */
    private void refuseWithout(String section, String listener, String example) {
        List<Origin> places = new ArrayList<>();
        Section.Entry entry = document.get(section);
        if (entry != null) {
            places.add(entry.origin());
        }
        for (Setting setting : Setting.values()) {
            Given<?> winner = setting.section().equals(section) ? settings.winner(setting) : null;
            if (winner != null && winner.origin().line() == 0) {
                places.add(winner.origin());
            }
        }
        for (Origin place : places) {
            problems.add(
                    place,
                    section + " is configured, but Envoy has no listener for it",
                    "write " + listener + ", " + example + ", or take this out");
        }
    }
}
