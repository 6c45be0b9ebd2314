package io.meshcapture.golden;

import io.meshcapture.lab.Caller;
import io.meshcapture.lab.Identity;
import io.meshcapture.lab.Lab;
import io.meshcapture.lab.Run;
import io.meshcapture.lab.Verdict;
import io.meshcapture.lab.Verdict.Direct;
import io.meshcapture.plan.Address;
import io.meshcapture.plan.Family;
import io.meshcapture.rules.Connection;
import io.meshcapture.rules.LoopbackAddress;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * A laboratory in which the questions of a story can be asked for real: its guests, interfaces and control groups are there, and
 * whoever is called answers.
 */
final class StoryWorld implements AutoCloseable {

    /** The addresses of the village, and what this host has in their place. */
    private static final Map<Address, Address> OWN = Map.of(
            Village.address("192.0.2.1"), Village.address("10.99.0.2"),
            Village.address("2001:db8::1"), Village.address("fd99::2"));

    private static final String ETH0 = "eth0";

    /** Asks for a name by DNS and says from which port, and whether the answer is to the question. */
    private static final String LOOK_UP = """
            import socket, struct, sys
            server, port, source, name = sys.argv[1:]
            s = socket.socket(socket.AF_INET6 if ":" in server else socket.AF_INET, socket.SOCK_DGRAM)
            s.settimeout(10)
            if source:
                s.bind((source, 0))
            s.connect((server, int(port)))
            labels = b"".join(bytes([len(label)]) + label.encode() for label in name.split("."))
            query = struct.pack("!6H", 4711, 0x100, 1, 0, 0, 0) + labels + struct.pack("!B2H", 0, 1, 1)
            try:
                s.send(query)
                answer = s.recv(4096)
                print(s.getsockname()[1] if answer[:2] == query[:2] and answer[3] & 15 == 3 else answer)
            except (ConnectionRefusedError, PermissionError):
                print("refused")
            """;

    private final Lab lab;
    private final NameServer names = new NameServer();
    private final Map<String, String> links = new HashMap<>();
    private int number;

    private StoryWorld(Lab lab) {
        this.lab = lab;
    }

    /** Whether it is the host itself that is called. */
    static boolean isHere(Address destination) {
        return OWN.containsKey(destination)
                || destination.equals(Village.address("127.0.0.1"))
                || destination.equals(Village.address("::1"))
                || isOfServicesByName(destination);
    }

    /** Whether it is an address to which names lead. */
    static boolean isOfServicesByName(Address destination) {
        return LoopbackAddress.parse(destination.toString()) != null;
    }

    /**
     * Prepares all that some questions need.
     *
     * @param cgroups which the story's rules name, so that they must be there before these
     */
    static StoryWorld of(Lab lab, List<Question> questions, Set<String> cgroups) throws Exception {
        StoryWorld world = new StoryWorld(lab);
        lab.serverOnEveryPort();
        Set<String> nameServers = new HashSet<>();
        Set<Integer> local = new HashSet<>();
        Set<Integer> elsewhere = new HashSet<>();
        Set<String> guests = new HashSet<>();
        cgroups.forEach(lab::cgroup);
        for (Question question : questions) {
            Connection asked = question.connection();
            if (asked.protocol() == Connection.Protocol.UDP) {
                nameServers.add(asked.destination() + " " + asked.port());
                if (asked.port() == 53) {
                    Village.NAME_SERVERS.forEach(server -> nameServers.add(server + " 53"));
                }
            }
            if (isHere(asked.destination()) && asked.protocol() == Connection.Protocol.TCP) {
                local.add(asked.port());
            }
            if (asked.caller().source() != null) {
                guests.add(asked.caller().source().toString());
            }
            if (asked.device() != null && !asked.device().equals(ETH0)) {
                world.link(asked.device());
                elsewhere.add(asked.port());
            }
        }
        local.forEach(lab::localServer);
        elsewhere.forEach(lab::server);
        lab.inSrv(() -> {
            lab.sysctl("net.ipv6.ip_nonlocal_bind", "1"); // the servers' addresses are told by routes alone
            return null;
        });
        for (String server : nameServers) {
            String[] at = server.split(" ", 2);
            int port = Integer.parseInt(at[1]);
            if (at[0].startsWith("127.")) {
                world.names.listenAt(at[0], port);
            } else {
                lab.inSrv(() -> world.listenAt(at[0], port));
            }
        }
        if (!guests.isEmpty()) {
            world.guests(guests);
        }
        return world;
    }

    /** Behind an interface of the stories' name. */
    private void guests(Set<String> addresses) throws Exception {
        lab.addGuest();
        List<String> here = new ArrayList<>(List.of(
                "link set guest0 down",
                "link set guest0 name br0",
                "addr add fd98::1/64 dev br0 nodad",
                "link set br0 up"));
        List<String> there = new ArrayList<>();
        List<String> beyond = new ArrayList<>();
        for (String address : addresses) {
            here.add("route add " + address + " dev br0");
            there.add("addr add " + address + " dev eth0" + (address.contains(":") ? " nodad" : ""));
            beyond.add("route add " + address + " via " + (address.contains(":") ? "fd99::2" : "10.99.0.2")
                    + " dev eth0 onlink table local");
        }
        ip(here);
        lab.inGuest(() -> ip(there));
        lab.inSrv(() -> ip(beyond));
    }

    /** One more cable to the server, whose end here has the story's name. */
    private void link(String device) throws Exception {
        if (links.containsKey(device)) {
            return;
        }
        String network = "10.77." + links.size() + ".";
        links.put(device, network);
        ip(List.of(
                "link add " + device + " type veth peer name " + device + " netns " + lab.srvNetns(),
                "addr add " + network + "2/24 dev " + device,
                "link set " + device + " up"));
        lab.inSrv(() -> ip(List.of(
                "addr add " + network + "1/24 dev " + device,
                "link set " + device + " up",
                "route add " + network + "0/24 dev " + device + " table local")));
    }

    private @Nullable Void listenAt(String address, int port) {
        names.listenAt(address, port);
        return null;
    }

    private static @Nullable Void ip(List<String> commands) {
        Run.commandWithInput(String.join("\n", commands) + "\n", "ip", "-batch", "-")
                .orFail();
        return null;
    }

    /** Where the question leads in this world. */
    Address destination(Question question) throws Exception {
        Connection asked = question.connection();
        if (question.isInbound() && asked.device() != null && links.containsKey(asked.device())) {
            return Village.address(links.get(asked.device()) + "2");
        }
        return OWN.getOrDefault(asked.destination(), asked.destination());
    }

    /**
     * How a connection began.
     *
     * @param local the client's address
     * @param peer the client's address as the server sees it, which is Envoy's where Envoy is between them
     */
    record Landed(Verdict verdict, String local, String peer) {
        private static Landed of(Caller caller, String destination) {
            try (var connection = caller.open(destination)) {
                boolean answered = connection.verdict() instanceof Direct;
                return new Landed(
                        connection.verdict(),
                        answered ? connection.local() : "",
                        answered ? connection.peerSeen() : "-");
            }
        }
    }

    /** Connects as the question says. */
    Landed connect(Question question) throws Exception {
        Connection asked = question.connection();
        Address to = destination(question);
        String destination = spelled(to, asked.port());
        if (question.isInbound()) {
            return lab.inSrv(() -> Landed.of(lab.caller(), destination));
        }
        Address guest = asked.caller().source();
        if (guest != null) {
            return lab.inGuest(() -> Landed.of(lab.caller().from(spelled(guest, 0)), destination));
        }
        Caller caller = lab.caller().as(identity(asked));
        String cgroup = asked.caller().cgroup();
        Caller placed = cgroup == null ? caller : caller.in(lab.cgroup(cgroup));
        String network = asked.device() == null ? null : links.get(asked.device());
        if (network == null) {
            return Landed.of(placed, destination);
        }
        ip(List.of("route add " + to + " via " + network + "1"));
        try {
            return Landed.of(placed, destination);
        } finally {
            ip(List.of("route del " + to + " via " + network + "1"));
        }
    }

    /**
     * What became of a datagram.
     *
     * @param refused whether it was
     * @param itself whether the server that answered saw the client itself, and not Envoy
     */
    record Answered(boolean refused, boolean itself) {}

    /** Asks for a name that nobody asked for before. */
    Answered lookUp(Question question) throws Exception {
        Connection asked = question.connection();
        String name = "q" + ++number + ".story.test";
        Address guest = asked.caller().source();
        Identity as = guest == null ? identity(asked) : Identity.APPLICATION;
        String[] command = as.setpriv(
                "/usr/bin/python3",
                "-c",
                LOOK_UP,
                asked.destination().toString(),
                Integer.toString(asked.port()),
                guest == null ? "" : guest.toString(),
                name);
        Run.Result result = guest == null ? Run.command(command) : lab.inGuest(() -> Run.command(command));
        String said = result.orFail().strip();
        List<Integer> from = names.askedFrom(name);
        if (said.equals("refused")) {
            return new Answered(true, false);
        }
        if (from.isEmpty()) {
            throw new AssertionError(question.line() + ": nobody was asked, but " + said);
        }
        return new Answered(false, from.contains(Integer.parseInt(said)));
    }

    private static Identity identity(Connection asked) {
        return new Identity(
                Math.toIntExact(asked.caller().uid()),
                Math.toIntExact(asked.caller().gid()));
    }

    static String spelled(Address address, int port) {
        return (address.family() == Family.IPV6 ? "[" + address + "]" : address.toString()) + ":" + port;
    }

    @Override
    public void close() {
        names.close();
    }
}
