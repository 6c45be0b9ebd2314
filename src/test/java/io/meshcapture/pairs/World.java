package io.meshcapture.pairs;

import io.meshcapture.backend.Backend;
import io.meshcapture.backend.LiveState;
import io.meshcapture.backend.iptables.Flavour;
import io.meshcapture.backend.iptables.IptablesBackend;
import io.meshcapture.backend.nftables.NftablesBackend;
import io.meshcapture.cli.Main;
import io.meshcapture.config.Configuration;
import io.meshcapture.config.PlanSource;
import io.meshcapture.lab.Caller;
import io.meshcapture.lab.Cgroup;
import io.meshcapture.lab.Identity;
import io.meshcapture.lab.Lab;
import io.meshcapture.lab.Meshcapture;
import io.meshcapture.lab.Run;
import io.meshcapture.lab.Verdict;
import io.meshcapture.plan.Account;
import io.meshcapture.plan.Address;
import io.meshcapture.plan.BadValue;
import io.meshcapture.plan.CgroupPath;
import io.meshcapture.plan.Plan;
import io.meshcapture.plan.UnitName;
import io.meshcapture.rules.Arrival;
import io.meshcapture.rules.Connection;
import io.meshcapture.rules.Decision;
import io.meshcapture.rules.DecisionCompiler;
import io.meshcapture.rules.Explainer;
import io.meshcapture.rules.Explanation;
import io.meshcapture.rules.Identities;
import io.meshcapture.rules.InboundExplainer;
import io.meshcapture.system.HostFacts;
import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** The host on which pairs are made: everything that a plan may name listens, and whatever is called answers. */
final class World {
    private static final Meshcapture PROGRAM = Meshcapture.inProcess(Main::run);
    private static final String GUEST = "guest0";
    private static final String OUTSIDE = "eth0";

    private final Lab lab;
    private final String backend;
    private final Set<Address> own;
    private final Map<String, Cgroup> cgroups = new HashMap<>();

    /** @param backend as the plan names it */
    World(Lab lab, String backend) {
        this.lab = lab;
        this.backend = backend;
        lab.addGuest();
        // a guest that is rejected more often than once a second would hear nothing (icmp(7), ratelimit)
        lab.sysctl("net.ipv4.icmp_ratelimit", "0");
        lab.sysctl("net.ipv6.icmp.ratelimit", "0");
        for (int port : Draw.LISTENERS) {
            lab.proxyAt(Identity.ENVOY, "0.0.0.0:" + port, "[::]:" + port);
        }
        lab.transparentProxyAt(Identity.ENVOY, "0.0.0.0:15006", "[::]:15006");
        String[] dns = {"127.0.0.1:15053", "[::1]:15053", "10.98.0.1:15053", "[fd98::1]:15053"};
        lab.proxyAt(Identity.ENVOY, dns);
        lab.udpProxyAt(Identity.ENVOY, dns);
        Draw.OWN_PORTS.forEach(lab::localServer);
        lab.serverOnEveryPort();
        lab.inSrv(() -> Draw.ADDRESSES.stream()
                .filter(address -> address.contains(":")) // those of IPv4 are local there anyway
                .map(address -> Run.command("ip", "-6", "addr", "add", address + "/128", "dev", "lo"))
                .map(Run.Result::orFail)
                .toList());
        lab.udpServerAt(Draw.ADDRESSES.stream()
                .flatMap(address -> Draw.UDP_PORTS.stream()
                        .map(port -> new Attempt(Attempt.Way.UDP, 0, 0, null, address, port).to()))
                .toArray(String[]::new));
        Draw.CGROUPS.forEach(name -> cgroups.put(name, lab.cgroup(name)));
        own = HostFacts.ownAddresses();
    }

    /** Applies a plan; false where it is refused as one that cannot be meant, or that this backend cannot express. */
    boolean stands(String yaml) {
        Meshcapture.Outcome outcome =
                PROGRAM.reading(yaml + "backend: " + backend + "\n").run("apply", "-q", "-f", "-");
        if (outcome.exit() != 0
                && outcome.exit() != 2
                && !outcome.err().contains("the backend " + backend + " cannot")) {
            throw new AssertionError(outcome + "\n" + yaml);
        }
        // of a flow that goes on nobody is asked; another connection may be given its port by chance
        lab.conntrack().flush();
        return outcome.exit() == 0;
    }

    void clear() {
        Meshcapture.Outcome outcome = PROGRAM.run("rollback", "--all", "--drain", "0");
        if (outcome.exit() != 0) {
            throw new AssertionError(outcome.toString());
        }
    }

    /** What becomes of it: {@code captured 15002}, {@code direct} or {@code rejected}; anything else is a defect. */
    String does(Attempt attempt) {
        Verdict verdict = switch (attempt.way()) {
            case TCP -> caller(attempt).connect(attempt.to());
            case UDP -> caller(attempt).udp(attempt.to());
            case GUEST_TCP -> lab.inGuest(() -> lab.caller().resettingOnClose().connect(attempt.to()));
            case GUEST_UDP -> lab.inGuest(() -> lab.caller().udp(attempt.to()));
            case ARRIVING -> lab.inSrv(() -> lab.caller().resettingOnClose().connect(attempt.to()));
        };
        return switch (verdict) {
            case Verdict.Proxied(int port, String meant)
            when meant.equals(attempt.to()) || attempt.isUdp() -> "captured " + port;
            case Verdict.Direct(String there) when there.equals(attempt.to()) -> "direct";
            case Verdict.Refused _, Verdict.NotPermitted _ -> "rejected";
            default -> verdict.toString();
        };
    }

    private Caller caller(Attempt attempt) {
        Caller caller =
                lab.caller().as(new Identity(attempt.uid(), attempt.gid())).resettingOnClose();
        Cgroup cgroup = cgroups.get(attempt.cgroup());
        return cgroup == null ? caller : caller.in(cgroup);
    }

    /** Who says what becomes of connections. */
    interface Explaining {
        String says(Attempt attempt);
    }

    Explaining byPlan(String yaml) {
        Plan plan = Configuration.read(
                        new PlanSource("plan.yaml", yaml.getBytes(StandardCharsets.UTF_8)), Map.of(), Map.of())
                .plan();
        return by(DecisionCompiler.compile(
                plan, new DecisionCompiler.Host(new Numbers(), plan.ipv6(), HostFacts.ephemeralPorts())));
    }

    Explaining byLiveState() {
        try (Backend standing = standing()) {
            LiveState live = standing.live();
            return live.isPresent() ? by(live.decision()) : _ -> "direct"; // a plan without anything
        }
    }

    private Backend standing() {
        return switch (backend) {
            case "nftables" -> NftablesBackend.open();
            case "iptables-nft" -> IptablesBackend.of(Flavour.NFT, family -> null);
            case "iptables-legacy" -> IptablesBackend.of(Flavour.LEGACY, family -> null);
            default -> throw new IllegalArgumentException(backend);
        };
    }

    private Explaining by(Decision decision) {
        Explainer explainer = Explainer.of(decision);
        return attempt -> said(explainer, decision, attempt);
    }

    private String said(Explainer explainer, Decision decision, Attempt attempt) {
        Address to = address(attempt.address());
        int port = attempt.port();
        var protocol = attempt.isUdp() ? Connection.Protocol.UDP : Connection.Protocol.TCP;
        Explanation explanation = switch (attempt.way()) {
            case TCP, UDP ->
                explainer.explain(new Connection(
                        protocol,
                        to,
                        port,
                        new io.meshcapture.rules.Caller(attempt.uid(), attempt.gid(), attempt.cgroup()),
                        own,
                        own.contains(to) ? "lo" : OUTSIDE));
            case GUEST_TCP, GUEST_UDP ->
                explainer.explain(new Connection(
                        protocol,
                        to,
                        port,
                        io.meshcapture.rules.Caller.behind(address(attempt.isIpv6() ? "fd98::2" : "10.98.0.2")),
                        own,
                        GUEST));
            case ARRIVING -> InboundExplainer.explain(decision, new Arrival(protocol, to, port, OUTSIDE, own));
        };
        return switch (explanation.outcome()) {
            case CAPTURED -> "captured " + explanation.listener();
            case DIRECT -> "direct";
            case REJECTED -> "rejected";
        };
    }

    private static Address address(String text) {
        try {
            return Address.parse(text);
        } catch (BadValue e) {
            throw new IllegalArgumentException(e);
        }
    }

    /** Names are not what is drawn here. */
    private static final class Numbers implements Identities {
        @Override
        public long id(Account account) {
            return account.id();
        }

        @Override
        public List<String> cgroups(UnitName unit) {
            throw new UnsupportedOperationException(unit.toString());
        }

        @Override
        public String cgroup(CgroupPath path) {
            return path.value();
        }
    }
}
