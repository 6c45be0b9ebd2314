package io.meshcapture.verbs;

import io.meshcapture.connections.Callers;
import io.meshcapture.plan.Address;
import io.meshcapture.plan.Family;
import io.meshcapture.plan.PortRange;
import io.meshcapture.rules.Caller;
import io.meshcapture.rules.Connection;
import io.meshcapture.rules.Explainer;
import io.meshcapture.rules.Explanation;
import io.meshcapture.system.HostFacts;
import io.meshcapture.system.Processes;
import io.meshcapture.system.SocketTable;
import io.meshcapture.system.SocketTable.Open;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;

/** What the plan means to capture and cannot, as far as it can be seen: found beside the work, and told in notes. */
final class Escaping {

    /** So many are named. */
    private static final int SHOWN = 5;

    private final Wanted wanted;
    private final Processes.Search strangers;

    private Escaping(Wanted wanted) {
        this.wanted = wanted;
        EnvoyIdentity envoy = EnvoyIdentity.of(wanted.decision());
        strangers = Processes.notEnvoyOf(envoy.users(), envoy.groups());
    }

    /** Begins to look. */
    static Escaping from(Wanted wanted) {
        return new Escaping(wanted);
    }

    /** A sentence each; none where nothing was found. */
    List<String> notes() throws InterruptedException {
        List<String> notes = new ArrayList<>();
        Set<String> bound = boundToDevices();
        if (!bound.isEmpty()) {
            notes.add("connections from sockets bound to a device (SO_BINDTODEVICE) cannot be captured and time out: "
                    + some(bound) + "; give that program no device, or name its destinations in \"except\"");
        }
        List<String> processes = strangers.found();
        if (!processes.isEmpty()) {
            notes.add(processes.size() + " process(es) run as Envoy's user or group and are not Envoy: "
                    + some(processes) + "; their connections are never captured; give them a user of their own");
        }
        return notes;
    }

    private static String some(Iterable<String> all) {
        List<String> shown = new ArrayList<>();
        int count = 0;
        for (String one : all) {
            if (count++ < SHOWN) {
                shown.add(one);
            }
        }
        return String.join(", ", shown) + (count > SHOWN ? " and " + (count - SHOWN) + " more" : "");
    }

    /**
     * Those of which the decision says that the next connection is captured: redirected to loopback, its packets would have
     * to arrive on the device. Sockets of servers and of link-local connections have a device too, and are no business of ours.
     */
    private Set<String> boundToDevices() {
        PortRange ephemeral = HostFacts.ephemeralPorts();
        List<Open> bound = new ArrayList<>();
        for (Open socket : SocketTable.open()) {
            if (socket.device() != 0 && ephemeral.contains(socket.localPort())) {
                bound.add(socket);
            }
        }
        Set<String> found = new LinkedHashSet<>();
        if (!bound.isEmpty()) {
            Callers callers = Callers.of(wanted.decision(), bound);
            Explainer explainer = Explainer.of(wanted.decision());
            Set<Address> own = HostFacts.ownAddresses();
            for (Open socket : bound) {
                Caller caller = callers.of(socket);
                if (caller != null && isCaptured(explainer, socket, caller, own)) {
                    found.add("uid " + caller.uid() + " to " + ends(socket));
                }
            }
        }
        return found;
    }

    private static String ends(Open socket) {
        boolean ipv4 = socket.remote().family() == Family.IPV4;
        return (ipv4 ? socket.remote() : "[" + socket.remote() + "]") + ":" + socket.remotePort();
    }

    private static boolean isCaptured(Explainer explainer, Open socket, Caller caller, Set<Address> own) {
        Explanation said = explainer.explain(
                new Connection(Connection.Protocol.TCP, socket.remote(), socket.remotePort(), caller, own));
        return said.outcome() == Explanation.Outcome.CAPTURED;
    }
}
