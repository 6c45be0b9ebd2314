package io.meshcapture.rules;

import io.meshcapture.failure.Failure;
import io.meshcapture.plan.Account;
import io.meshcapture.plan.Address;
import io.meshcapture.plan.BadValue;
import io.meshcapture.plan.CgroupPath;
import io.meshcapture.plan.Choices;
import io.meshcapture.plan.Destination;
import io.meshcapture.plan.Envoy;
import io.meshcapture.plan.Family;
import io.meshcapture.plan.From;
import io.meshcapture.plan.Inbound;
import io.meshcapture.plan.InterfaceName;
import io.meshcapture.plan.Interfaces;
import io.meshcapture.plan.Network;
import io.meshcapture.plan.Origin;
import io.meshcapture.plan.Plan;
import io.meshcapture.plan.Port;
import io.meshcapture.plan.PortRange;
import io.meshcapture.plan.Ports;
import io.meshcapture.plan.Service;
import io.meshcapture.plan.ServiceName;
import io.meshcapture.plan.UnitName;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.random.RandomGenerator;
import org.jspecify.annotations.Nullable;

/**
 * Random plans and connections over few users, groups, control groups, networks and ports, nested as far as these nest.
 * For every combination of what its plans can ask there is a connection in it.
 */
public final class SmallWorld {

    private static final List<String> NETWORKS = List.of(
            "10.0.0.0/8",
            "10.0.0.0/28",
            "10.0.0.0/29",
            "10.0.0.8/29",
            "10.0.0.4/30",
            "10.0.0.12/30",
            "10.0.0.6/31",
            "10.0.0.5",
            "10.0.0.6",
            "169.254.0.0/16",
            "fd00::/8",
            "fd00::/124",
            "fd00::/125",
            "fd00::8/125",
            "fd00::4",
            "fe80::/10");
    private static final List<String> PORTS = List.of("1", "2", "3-4", "1-2", "2-3", "1,4", "443", "1-443");
    private static final List<String> ADDRESSES = List.of(
            "10.0.0.0",
            "10.0.0.1",
            "10.0.0.3",
            "10.0.0.4",
            "10.0.0.5",
            "10.0.0.6",
            "10.0.0.7",
            "10.0.0.8",
            "10.0.0.11",
            "10.0.0.12",
            "10.0.0.15",
            "10.0.0.16",
            "11.0.0.1",
            "127.0.0.1",
            "169.254.1.1",
            "224.0.0.1",
            "255.255.255.255",
            "fd00::",
            "fd00::4",
            "fd00::5",
            "fd00::8",
            "fd00::f",
            "fd00::10",
            "2001:db8::5",
            "::1",
            "fe80::1",
            "ff02::1");
    private static final List<Integer> PORT_NUMBERS = List.of(1, 2, 3, 4, 5, 443, 444);
    private static final List<Long> UIDS = List.of(0L, 1L, 2L, 3L, 101L);
    private static final List<Long> GIDS = List.of(0L, 11L, 12L, 101L);
    private static final List<String> CGROUPS = List.of("a", "a/b", "a/b/c", "a/bc", "d");
    private static final List<String> CALLING_CGROUPS =
            List.of("a", "a/b", "a/b/c", "a/b/c/e", "a/bc", "a/x", "d", "d/a", "x");
    private static final Map<String, List<String>> UNITS =
            Map.of("ab.service", List.of("a/b"), "both@*.service", List.of("a/b/c", "d"));

    private static final List<String> SOURCES = List.of("10.0.0.0/28", "10.0.0.0/29", "10.0.0.5");

    private static final Address OWN = address("10.0.0.16");

    private final long seed;
    private final RandomGenerator random;

    public SmallWorld(long seed) {
        this.seed = seed;
        this.random = new Random(seed);
    }

    /** What names stand for. */
    static final class Names implements Identities {
        @Override
        public long id(Account account) {
            return account.id();
        }

        @Override
        public List<String> cgroups(UnitName unit) {
            return UNITS.getOrDefault(unit.value(), List.of());
        }

        @Override
        public String cgroup(CgroupPath path) {
            return path.value();
        }
    }

    public DecisionCompiler.Host host(Plan plan) {
        return new DecisionCompiler.Host(new Names(), plan.ipv6(), new PortRange(32768, 60999));
    }

    /** A plan, perhaps with services that can never decide anything. */
    Plan anyPlan() {
        List<Service> services = new ArrayList<>();
        int count = 1 + random.nextInt(7);
        for (int i = 0; i < count; i++) {
            services.add(service(i));
        }
        return plan(
                oneOf(List.of(Choices.Ipv6.CAPTURE, Choices.Ipv6.BYPASS, Choices.Ipv6.REJECT)),
                oneOf(List.of(Choices.Udp443.values())),
                destinations(0, 2),
                services,
                inbound(),
                interfaces(services));
    }

    /** Of half of the plans; with it comes Envoy's listener on port 4. */
    private @Nullable Inbound inbound() {
        return switch (random.nextInt(4)) {
            case 0 -> new Inbound(Choices.InboundMode.TPROXY, ports("1-2"), ports("2,443"), false);
            case 1 -> new Inbound(Choices.InboundMode.REDIRECT, Ports.ALL, ports(oneOf(PORTS)), false);
            default -> null;
        };
    }

    private Interfaces interfaces(List<Service> services) {
        boolean behind =
                services.stream().anyMatch(service -> !service.from().networks().isEmpty());
        List<InterfaceName> bridges = behind || random.nextInt(4) == 0
                ? List.of(new InterfaceName("br0"), new InterfaceName("vnet*"))
                : List.of();
        return random.nextInt(4) != 0
                ? new Interfaces(List.of(), bridges)
                : new Interfaces(List.of(new InterfaceName("wg0"), new InterfaceName("veth*")), bridges);
    }

    private static Network network(String text) {
        try {
            return Network.parse(text);
        } catch (BadValue e) {
            throw new IllegalArgumentException(e);
        }
    }

    private static Ports ports(String text) {
        try {
            return Ports.parse(text);
        } catch (BadValue e) {
            throw new IllegalArgumentException(e);
        }
    }

    /** A plan that compiles. */
    public Plan plan() {
        Plan plan = anyPlan();
        while (true) {
            List<Service> asked = new ArrayList<>(plan.services());
            asked.removeIf(refused(plan)::contains);
            if (asked.size() == plan.services().size()) {
                return plan;
            }
            plan = asked.isEmpty() ? anyPlan() : with(plan, asked);
        }
    }

    /** The services that the compiler refuses. */
    List<Service> refused(Plan plan) {
        try {
            DecisionCompiler.compile(plan, host(plan));
            return List.of();
        } catch (Failure.Invalid invalid) {
            return plan.services().stream()
                    .filter(service -> invalid.problems().stream()
                            .anyMatch(problem ->
                                    problem.where().equals(service.origin().toString())))
                    .toList();
        }
    }

    /** The plan with other services. */
    public static Plan with(Plan plan, List<Service> services) {
        return plan(plan.ipv6(), plan.udp443(), plan.except(), services, plan.inbound(), plan.interfaces());
    }

    private static Plan plan(
            Choices.Ipv6 ipv6,
            Choices.Udp443 udp443,
            List<Destination> except,
            List<Service> services,
            @Nullable Inbound inbound,
            Interfaces interfaces) {
        Port listener = inbound == null ? null : new Port(4);
        Account envoy = new Account(Account.Kind.USER, "101", Origin.DEFAULT);
        Account envoys = new Account(Account.Kind.GROUP, "101", Origin.DEFAULT);
        return new Plan(
                new Envoy(List.of(envoy), List.of(envoys), Envoy.DEFAULT_OUTBOUND, listener, null, null),
                Choices.Backend.AUTO,
                ipv6,
                udp443,
                Choices.Invalid.ACCEPT,
                Choices.HostsPorts.AUTO,
                except,
                services,
                inbound,
                null,
                List.of(),
                interfaces);
    }

    private Service service(int number) {
        return new Service(
                new ServiceName("s" + number),
                from(),
                random.nextInt(4) == 0 ? List.of(Destination.any(Origin.DEFAULT)) : destinations(1, 5),
                destinations(0, 3),
                Choices.OnEnvoyDown.CLOSED,
                new Port(15001 + random.nextInt(3)),
                null,
                new Origin("plan", number + 1, 3));
    }

    private From from() {
        List<Account> users = new ArrayList<>();
        List<Account> groups = new ArrayList<>();
        List<UnitName> units = new ArrayList<>();
        List<CgroupPath> cgroups = new ArrayList<>();
        int kinds = random.nextInt(16); // each bit a kind; none is anybody
        for (int i = random.nextInt(2); (kinds & 1) != 0 && i < 2; i++) {
            users.add(new Account(Account.Kind.USER, oneOf(UIDS).toString(), Origin.DEFAULT));
        }
        for (int i = random.nextInt(2); (kinds & 2) != 0 && i < 2; i++) {
            groups.add(new Account(Account.Kind.GROUP, oneOf(GIDS).toString(), Origin.DEFAULT));
        }
        if ((kinds & 4) != 0 && random.nextBoolean()) {
            units.add(new UnitName(oneOf(List.of("ab.service", "both@*.service")), Origin.DEFAULT));
        }
        for (int i = random.nextInt(2); (kinds & 8) != 0 && i < 2; i++) {
            cgroups.add(new CgroupPath(oneOf(CGROUPS), Origin.DEFAULT));
        }
        boolean behind = kinds == 0 && random.nextInt(3) == 0; // a service of somebody behind the host
        return new From(
                users,
                groups,
                units,
                cgroups,
                behind ? List.of(network(oneOf(SOURCES)), network("fd00::/125")) : List.of());
    }

    private List<Destination> destinations(int least, int most) {
        List<Destination> destinations = new ArrayList<>();
        int count = least + random.nextInt(most - least + 1);
        for (int i = 0; i < count; i++) {
            String network = random.nextInt(4) == 0 ? "" : oneOf(NETWORKS);
            String ports = network.isEmpty() || random.nextBoolean() ? ":" + oneOf(PORTS) : "";
            boolean brackets = network.contains(":") && !ports.isEmpty();
            destinations.add(destination((brackets ? "[" + network + "]" : network) + ports));
        }
        return destinations;
    }

    /** One of the connections that the plans tell apart. */
    public Connection connection() {
        return new Connection(
                random.nextInt(8) == 0 ? Connection.Protocol.UDP : Connection.Protocol.TCP,
                address(oneOf(ADDRESSES)),
                oneOf(PORT_NUMBERS),
                new Caller(oneOf(UIDS), oneOf(GIDS), random.nextInt(3) == 0 ? null : oneOf(CALLING_CGROUPS)),
                Set.of(OWN),
                random.nextInt(8) == 0 ? oneOf(List.of("wg0", "veth7", "eth0")) : null);
    }

    private static List<Address> callingSources(Family family) {
        return family == Family.IPV4
                ? List.of(address("10.0.0.3"), address("10.0.0.5"), address("10.0.0.11"), address("11.0.0.1"))
                : List.of(address("fd00::4"), address("fd00::8"));
    }

    /** A connection of somebody behind the host. */
    public Connection forwarded() {
        Connection like = connection();
        List<Address> sources = callingSources(like.destination().family());
        return new Connection(
                like.protocol(), like.destination(), like.port(), Caller.behind(oneOf(sources)), like.ownAddresses());
    }

    /** A connection that arrives. */
    public Arrival arrival() {
        Connection like = connection();
        return new Arrival(
                like.protocol(),
                random.nextInt(3) == 0 ? like.destination() : OWN,
                like.port(),
                like.device(),
                like.ownAddresses());
    }

    /** All TCP connections of a host without addresses of its own. */
    static List<Connection> everyConnection() {
        List<@Nullable String> cgroups = new ArrayList<>(CALLING_CGROUPS);
        cgroups.add(null);
        List<Connection> all = new ArrayList<>();
        for (String address : ADDRESSES) {
            for (int port : PORT_NUMBERS) {
                for (Address source : callingSources(address(address).family())) {
                    all.add(new Connection(
                            Connection.Protocol.TCP, address(address), port, Caller.behind(source), Set.of()));
                }
                for (Long uid : UIDS) {
                    for (Long gid : GIDS) {
                        for (@Nullable String cgroup : cgroups) {
                            all.add(new Connection(
                                    Connection.Protocol.TCP,
                                    address(address),
                                    port,
                                    new Caller(uid, gid, cgroup),
                                    Set.of()));
                        }
                    }
                }
            }
        }
        return all;
    }

    /** The seed. */
    @Override
    public String toString() {
        return Long.toString(seed);
    }

    int below(int bound) {
        return random.nextInt(bound);
    }

    private <T> T oneOf(List<T> values) {
        return values.get(random.nextInt(values.size()));
    }

    private static Destination destination(String text) {
        try {
            return Destination.parse(text, Origin.DEFAULT);
        } catch (BadValue e) {
            throw new IllegalArgumentException(e);
        }
    }

    private static Address address(String text) {
        try {
            return Address.parse(text);
        } catch (BadValue e) {
            throw new IllegalArgumentException(e);
        }
    }
}
