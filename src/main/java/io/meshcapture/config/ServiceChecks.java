package io.meshcapture.config;

import io.meshcapture.plan.Account;
import io.meshcapture.plan.BadValue;
import io.meshcapture.plan.HostName;
import io.meshcapture.plan.Origin;
import io.meshcapture.plan.Port;
import java.util.HashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Whether the keys of each service fit each other, the other services and Envoy. */
final class ServiceChecks {

    private record Claim(ServiceDraft service, Origin origin) {}

    private final PlanDraft draft;
    private final Document document;
    private final Settings settings;
    private final Problems problems;
    private final Map<HostName, Claim> hosts = new HashMap<>();
    private final Map<Port, String> otherListeners = new HashMap<>();
    private final Map<String, Origin> envoyUsers;
    private final Map<String, Origin> envoyGroups;

    ServiceChecks(PlanDraft draft, Document document, Settings settings, Problems problems) {
        this.draft = draft;
        this.document = document;
        this.settings = settings;
        this.problems = problems;
        this.envoyUsers = places(draft.envoy().users());
        this.envoyGroups = places(draft.envoy().groups());
        if (draft.envoy().inbound() != null) {
            otherListeners.put(draft.envoy().inbound().value(), "envoy.inbound");
        }
        if (draft.envoy().dns() != null) {
            otherListeners.put(draft.envoy().dns().value(), "envoy.dns");
        }
        if (draft.envoy().admin() != null) {
            otherListeners.put(draft.envoy().admin().value().port(), "envoy.admin");
        }
    }

    void check() {
        for (ServiceDraft service : draft.services()) {
            checkShape(service);
            checkCallers(service);
            checkListeners(service);
            claimHosts(service);
        }
    }

    private void checkShape(ServiceDraft service) {
        settings.refuseNothing(service.users(), service.path("from.user"), "write a user, or take the key out");
        settings.refuseNothing(service.groups(), service.path("from.group"), "write a group, or take the key out");
        settings.refuseNothing(service.units(), service.path("from.unit"), "write a unit, or take the key out");
        settings.refuseNothing(service.cgroups(), service.path("from.cgroup"), "write a cgroup, or take the key out");
        settings.refuseNothing(
                service.networks(), service.path("from.network"), "write a network, or take the key out");
        settings.refuseNothing(service.to(), service.path("to"), "write any, or destinations");
        settings.refuseNothing(service.hosts(), service.path("hosts"), "write a name, or take the key out");
        String label = "service " + BadValue.quote(service.name().value().value());
        if (service.hosts() == null) {
            refuse(service.ports(), label + " has ports but no hosts", "take ports out; to and except take :PORTS");
            refuse(service.instances(), label + " has instances but no hosts", "take instances out, or write hosts");
            return;
        }
        refuse(service.to(), label + " has both hosts and to", "make two services of it");
        refuse(service.except(), label + " has both hosts and except", "take except out: only its hosts are captured");
        refuseCaller(service.users(), label);
        refuseCaller(service.groups(), label);
        refuseCaller(service.units(), label);
        refuseCaller(service.cgroups(), label);
        refuseCaller(service.networks(), label);
    }

    private void refuseCaller(@Nullable Given<?> callers, String label) {
        refuse(
                callers,
                label + " has both hosts and from, but a name is captured for everybody on the host",
                "take from out, or capture by to instead of hosts");
    }

    private void refuse(@Nullable Given<?> given, String what, String mend) {
        if (given != null) {
            problems.add(given.origin(), what, mend);
        }
    }

    private void checkCallers(ServiceDraft service) {
        refuseEnvoys(service.users(), envoyUsers, Setting.ENVOY_USER);
        refuseEnvoys(service.groups(), envoyGroups, Setting.ENVOY_GROUP);
        boolean bridges = draft.outboundInterfaces() != null
                && (!draft.outboundInterfaces().whole()
                        || !draft.outboundInterfaces().values().isEmpty());
        if (service.networks() != null && !bridges && !document.isUnknown("interfaces")) {
            problems.add(
                    service.networks().origin(),
                    service.path("from.network") + " names callers behind interfaces, but interfaces.outbound is empty",
                    "write the bridges that they are behind into interfaces.outbound, such as br0");
        }
    }

    /** A caller that is Envoy would never be captured; were it, Envoy would call itself in a loop. */
    private void refuseEnvoys(@Nullable Given<Account> callers, Map<String, Origin> envoys, Setting setting) {
        if (callers == null) {
            return;
        }
        for (Placed<Account> caller : callers.values()) {
            Origin envoy = envoys.get(caller.value().text());
            if (envoy != null) {
                String kind = caller.value().kind().label();
                problems.add(
                        caller.origin(),
                        kind + " " + BadValue.quote(caller.value().text()) + " is Envoy's own (" + setting.key()
                                + " at " + envoy + "), which is never captured",
                        "run the service as another " + kind + ", or correct one of the two");
            }
        }
    }

    private static Map<String, Origin> places(@Nullable Given<Account> accounts) {
        Map<String, Origin> places = new HashMap<>();
        if (accounts != null) {
            for (Placed<Account> account : accounts.values()) {
                places.put(account.value().text(), account.origin());
            }
        }
        return places;
    }

    private void checkListeners(ServiceDraft service) {
        if (service.outbound() != null) {
            for (Placed<Port> port : service.outbound().values()) {
                refuseOther(service.path("outbound"), port.value(), port.origin());
            }
        }
        if (service.ports() != null) {
            for (Placed<ServiceDraft.PortPair> pair : service.ports().values()) {
                refuseOther(service.path("ports"), pair.value().listener(), pair.origin());
            }
        }
    }

    private void refuseOther(String path, Port port, Origin origin) {
        String other = otherListeners.get(port);
        if (other != null) {
            problems.add(
                    origin,
                    "port " + BadValue.quote(port.toString()) + " of " + path + " is " + other
                            + ", which does not listen for captured outbound TCP",
                    "write the port of an outbound listener");
        }
    }

    private void claimHosts(ServiceDraft service) {
        if (service.hosts() == null) {
            return;
        }
        for (Placed<HostName> host : service.hosts().values()) {
            Claim first = hosts.putIfAbsent(host.value(), new Claim(service, host.origin()));
            if (first != null) {
                problems.add(
                        host.origin(),
                        "host name " + BadValue.quote(host.value().value()) + " is captured by service "
                                + BadValue.quote(first.service().name().value().value()) + " too (" + first.origin()
                                + ")",
                        "leave it to one of them");
            }
        }
    }
}
