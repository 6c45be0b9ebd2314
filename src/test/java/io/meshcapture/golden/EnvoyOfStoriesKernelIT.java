package io.meshcapture.golden;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.meshcapture.backend.nftables.NftablesBackend;
import io.meshcapture.config.Configuration;
import io.meshcapture.config.PlanSource;
import io.meshcapture.lab.Caller;
import io.meshcapture.lab.Identity;
import io.meshcapture.lab.InNetns;
import io.meshcapture.lab.Lab;
import io.meshcapture.lab.RealEnvoy;
import io.meshcapture.lab.Verdict;
import io.meshcapture.lab.Verdict.Direct;
import io.meshcapture.lab.Verdict.Refused;
import io.meshcapture.plan.Address;
import io.meshcapture.plan.BadValue;
import io.meshcapture.plan.Choices;
import io.meshcapture.plan.Family;
import io.meshcapture.plan.Plan;
import io.meshcapture.plan.Port;
import io.meshcapture.plan.PortRange;
import io.meshcapture.rules.AlwaysDirect;
import io.meshcapture.rules.Arrival;
import io.meshcapture.rules.Connection;
import io.meshcapture.rules.Decision;
import io.meshcapture.rules.DecisionCompiler;
import io.meshcapture.rules.Explainer;
import io.meshcapture.rules.Explanation;
import io.meshcapture.rules.InboundExplainer;
import io.meshcapture.system.HostFacts;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * The Envoy of every story starts, and the story's connections go where {@code explain} says: those that are captured come to
 * the listener that it names and from there to where their clients wanted to go, and the others never see Envoy.
 */
@InNetns
final class EnvoyOfStoriesKernelIT {
    private static final Path STORIES = Path.of("src/test/resources/io/meshcapture/golden");
    private static final Map<Address, Address> OWN = Map.of(
            Village.address("192.0.2.1"), Village.address("10.99.0.2"),
            Village.address("2001:db8::1"), Village.address("fd99::2"));

    private static Stream<Path> stories() throws IOException {
        try (Stream<Path> children = Files.list(STORIES)) {
            return children
                    .filter(child -> Files.exists(child.resolve("envoy.yaml")))
                    .sorted()
                    .map(Path::getFileName)
                    .toList()
                    .stream();
        }
    }

    @ParameterizedTest
    @MethodSource("stories")
    void envoy_of_the_story_takes_its_connections_to_where_explain_says(Path name, Lab lab) throws Exception {
        Path story = STORIES.resolve(name);
        Plan plan = Configuration.read(
                        new PlanSource("plan.yaml", Files.readAllBytes(story.resolve("plan.yaml"))), Map.of(), Map.of())
                .plan();
        Choices.Ipv6 ipv6 = plan.ipv6() == Choices.Ipv6.AUTO ? Choices.Ipv6.CAPTURE : plan.ipv6();
        Decision decision = DecisionCompiler.compile(
                plan,
                new DecisionCompiler.Host(new Village(), ipv6, new PortRange(32768, 60999), Village.NAME_SERVERS));
        String configuration = Files.readString(story.resolve("envoy.yaml"));
        for (RealEnvoy.Release release : RealEnvoy.Release.values()) {
            RealEnvoy.validate(release, configuration);
        }
        RealEnvoy envoy = RealEnvoy.started(lab, new Identity(101, 101), configuration);
        assertFalse(envoy.errors().contains("Deprecated"), envoy::errors);
        if (!asksForCgroups(story)) {
            lab.serverOnEveryPort();
            lab.nft().apply(NftablesBackend.render(decision));
            List<String> questions = questions(story);
            for (int port : localPorts(questions)) {
                lab.localServer(port);
            }
            for (String line : questions) {
                ask(new Question(line), plan, decision, envoy, lab);
            }
        }
    }

    @Test
    void most_stories_have_connections_that_can_be_opened_here(Lab lab) throws Exception {
        TreeSet<String> asked = new TreeSet<>();
        for (Path story : stories().toList()) {
            if (!asksForCgroups(STORIES.resolve(story))
                    && !questions(STORIES.resolve(story)).isEmpty()) {
                asked.add(story.toString());
            }
        }
        assertTrue(asked.size() > 18, asked::toString);
        assertEquals("", lab.nft().list());
    }

    /** Units of the stories do not run here. */
    private static boolean asksForCgroups(Path story) throws IOException {
        return Files.readString(story.resolve("ruleset.nft")).contains("cgroup");
    }

    private static Set<Integer> localPorts(List<String> questions) throws BadValue {
        Set<Integer> ports = new TreeSet<>();
        for (String line : questions) {
            if (line.contains("--inbound")) {
                ports.add(new Question(line).connection().port());
            }
        }
        return ports;
    }

    private static List<String> questions(Path story) throws Exception {
        try (Stream<String> lines = Files.lines(story.resolve("explain.txt"))) {
            return lines.filter(line -> line.startsWith("$ "))
                    .filter(EnvoyOfStoriesKernelIT::canBeOpenedHere)
                    .toList();
        }
    }

    private static boolean canBeOpenedHere(String line) {
        if (Stream.of("--udp", "--interface", "--from-address", "--from-unit", "--from-cgroup")
                .anyMatch(line::contains)) {
            return false;
        }
        try {
            Connection asked = new Question(line).connection();
            Address to = asked.destination();
            if (asked.port() == 53) {
                return false; // DNS over TCP goes to Envoy's own name servers, which nobody is here
            }
            return line.contains("--inbound")
                    ? OWN.containsKey(to) && !line.contains(":9901 ") // which Envoy has for itself
                    : !Village.ADDRESSES.contains(to)
                            && Stream.of(AlwaysDirect.LOOPBACK, AlwaysDirect.LINK_LOCAL, AlwaysDirect.MULTICAST)
                                    .flatMap(List::stream)
                                    .noneMatch(network -> network.contains(to))
                            && !to.equals(Village.address("255.255.255.255"));
        } catch (BadValue e) {
            throw new IllegalArgumentException(e);
        }
    }

    private static void ask(Question question, Plan plan, Decision decision, RealEnvoy envoy, Lab lab)
            throws Exception {
        Connection asked = question.connection();
        boolean inbound = question.line().contains("--inbound");
        Address to = OWN.getOrDefault(asked.destination(), asked.destination());
        String destination = spelled(to, asked.port());
        Set<Address> own = HostFacts.ownAddresses();
        Explanation explained = inbound
                ? InboundExplainer.explain(
                        decision, new Arrival(asked.protocol(), to, asked.port(), asked.device(), own))
                : Explainer.explain(
                        decision,
                        new Connection(asked.protocol(), to, asked.port(), asked.caller(), own, asked.device()));
        Identity caller = new Identity(
                Math.toIntExact(asked.caller().uid()),
                Math.toIntExact(asked.caller().gid()));
        Landed landed = inbound
                ? lab.inSrv(() -> Landed.of(lab.caller(), destination))
                : Landed.of(lab.caller().as(caller), destination);
        if (explained.outcome() == Explanation.Outcome.REJECTED) {
            assertEquals(new Refused(), landed.verdict(), question::line);
            return;
        }
        assertEquals(new Direct(destination), landed.verdict(), question::line);
        assertEquals(
                explained.outcome() == Explanation.Outcome.DIRECT,
                landed.local().equals(landed.peer()),
                question::line);
        if (explained.outcome() == Explanation.Outcome.CAPTURED) {
            List<String> lines = envoy.awaitLog(landed.local() + " asked for " + destination + ",");
            assertEquals(1, lines.size(), lines::toString);
            assertTrue(lines.getFirst().contains(listener(explained, plan, to, asked, inbound)), lines::toString);
        }
    }

    /**
     * How a connection began.
     *
     * @param local the client's address
     * @param peer the client's address as the server sees it, which is Envoy's where Envoy is between them
     */
    private record Landed(Verdict verdict, String local, String peer) {
        static Landed of(Caller caller, String destination) {
            try (var connection = caller.open(destination)) {
                boolean refused = connection.verdict() instanceof Refused;
                return new Landed(
                        connection.verdict(), refused ? "" : connection.local(), refused ? "" : connection.peerSeen());
            }
        }
    }

    /** As the access log names it. What arrives comes to the address of the interface; with tproxy nothing is translated. */
    private static String listener(Explanation explained, Plan plan, Address to, Connection asked, boolean inbound) {
        Port port = Objects.requireNonNull(explained.listener());
        if (!inbound) {
            return "listener " + (to.family() == Family.IPV6 ? "[::1]" : "127.0.0.1") + ":" + port + ": ";
        }
        boolean translated = Objects.requireNonNull(plan.inbound()).mode() == Choices.InboundMode.REDIRECT;
        return "listener " + spelled(to, translated ? port.number() : asked.port()) + ": ";
    }

    private static String spelled(Address address, int port) {
        return (address.family() == Family.IPV6 ? "[" + address + "]" : address.toString()) + ":" + port;
    }
}
