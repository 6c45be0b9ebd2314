package io.meshcapture.golden;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.meshcapture.backend.nftables.NftablesBackend;
import io.meshcapture.config.Configuration;
import io.meshcapture.config.PlanSource;
import io.meshcapture.lab.Identity;
import io.meshcapture.lab.InNetns;
import io.meshcapture.lab.Lab;
import io.meshcapture.lab.RealEnvoy;
import io.meshcapture.lab.Verdict.Direct;
import io.meshcapture.lab.Verdict.Refused;
import io.meshcapture.plan.Address;
import io.meshcapture.plan.BadValue;
import io.meshcapture.plan.Choices;
import io.meshcapture.plan.Family;
import io.meshcapture.plan.HostPort;
import io.meshcapture.plan.Plan;
import io.meshcapture.plan.Port;
import io.meshcapture.plan.PortRange;
import io.meshcapture.plan.Service;
import io.meshcapture.plan.ServiceName;
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
import java.util.ArrayList;
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

    /** Ports that it has for itself. */
    private static final Set<Integer> ENVOYS = Set.of(8000, 9901, 15001, 15006);

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
                new DecisionCompiler.Host(
                        new Village(),
                        ipv6,
                        new PortRange(32768, 60999),
                        Village.NAME_SERVERS,
                        new TreeSet<>(),
                        Village.redirected(plan)));
        String configuration = Files.readString(story.resolve("envoy.yaml"));
        for (RealEnvoy.Release release : RealEnvoy.Release.values()) {
            RealEnvoy.validate(release, configuration);
        }
        // refuses: Envoy serves when its names are looked up, in vain or not
        lab.file("/etc/resolv.conf", "nameserver 127.0.0.2\n");
        RealEnvoy envoy = RealEnvoy.started(lab, new Identity(101, 101), configuration);
        assertFalse(envoy.errors().contains("Deprecated"), envoy::errors);
        List<Question> questions = questions(story);
        String rules = NftablesBackend.render(decision);
        try (StoryWorld world =
                StoryWorld.of(lab, questions, rules.contains("cgroup") ? Village.cgroups() : Set.of())) {
            lab.nft().apply(rules);
            for (Question question : questions) {
                if (question.connection().protocol() == Connection.Protocol.UDP) {
                    lookUp(question, decision, world);
                } else {
                    connect(question, plan, decision, envoy, world);
                }
            }
        }
    }

    @Test
    void all_but_few_questions_of_the_stories_can_be_asked_here() throws Exception {
        List<String> left = new ArrayList<>();
        int asked = 0;
        for (Path story : stories().toList()) {
            List<Question> questions = questions(STORIES.resolve(story));
            asked += questions.size();
            for (Question question : all(STORIES.resolve(story))) {
                if (!questions.contains(question)) {
                    left.add(question.line());
                }
            }
        }
        assertTrue(asked > 6 * left.size(), left::toString);
    }

    private static List<Question> all(Path story) throws IOException {
        try (Stream<String> lines = Files.lines(story.resolve("explain.txt"))) {
            return lines.filter(line -> line.startsWith("$ "))
                    .map(Question::new)
                    .toList();
        }
    }

    private static List<Question> questions(Path story) throws Exception {
        List<Question> found = new ArrayList<>();
        for (Question question : all(story)) {
            if (canBeAskedHere(question)) {
                found.add(question);
            }
        }
        return found;
    }

    /** Nobody answers at multicast and broadcast addresses, and link-local ones of IPv6 are of one interface. */
    private static boolean canBeAskedHere(Question question) throws BadValue {
        Connection asked = question.connection();
        Address to = asked.destination();
        if (StoryWorld.isHere(to)) {
            return !ENVOYS.contains(asked.port());
        }
        boolean isUdp = asked.protocol() == Connection.Protocol.UDP;
        return !question.isInbound()
                && (isUdp || AlwaysDirect.LOOPBACK.stream().noneMatch(network -> network.contains(to)))
                && !AlwaysDirect.IPV6_LINK_LOCAL.contains(to)
                && AlwaysDirect.MULTICAST.stream().noneMatch(network -> network.contains(to))
                && !to.equals(Village.address("255.255.255.255"));
    }

    private static Explanation explained(Question question, Decision decision, Address to) throws BadValue {
        Connection asked = question.connection();
        Set<Address> own = HostFacts.ownAddresses();
        return question.isInbound()
                ? InboundExplainer.explain(
                        decision, new Arrival(asked.protocol(), to, asked.port(), asked.device(), own))
                : Explainer.explain(
                        decision,
                        new Connection(asked.protocol(), to, asked.port(), asked.caller(), own, asked.device()));
    }

    private static void lookUp(Question question, Decision decision, StoryWorld world) throws Exception {
        StoryWorld.Answered answered = world.lookUp(question);
        Explanation.Outcome outcome =
                explained(question, decision, world.destination(question)).outcome();
        assertEquals(outcome == Explanation.Outcome.REJECTED, answered.refused(), question::line);
        assertEquals(outcome == Explanation.Outcome.DIRECT, answered.itself(), question::line);
    }

    private static void connect(Question question, Plan plan, Decision decision, RealEnvoy envoy, StoryWorld world)
            throws Exception {
        Address to = world.destination(question);
        int port = question.connection().port();
        String destination = StoryWorld.spelled(to, port);
        Explanation explained = explained(question, decision, to);
        StoryWorld.Landed landed = world.connect(question);
        if (explained.outcome() == Explanation.Outcome.REJECTED) {
            assertEquals(new Refused(), landed.verdict(), question::line);
            return;
        }
        boolean isCaptured = explained.outcome() == Explanation.Outcome.CAPTURED;
        assertEquals(isCaptured, !landed.local().equals(landed.peer()), question::line);
        if (isCaptured
                && explained.listener() != null
                && explained.listener().equals(plan.envoy().dns())) {
            // passed on to one of Envoy's own name servers
            assertTrue(
                    Village.NAME_SERVERS.stream()
                            .map(server -> new Direct(StoryWorld.spelled(server, 53)))
                            .anyMatch(landed.verdict()::equals),
                    question::line);
            assertEquals(1, envoy.awaitLog(landed.local() + " asked for ").size());
            return;
        }
        if (isCaptured && StoryWorld.isOfServicesByName(to)) {
            toAnInstance(plan, Objects.requireNonNull(explained.service()), envoy, landed, destination);
            return;
        }
        assertEquals(new Direct(destination), landed.verdict(), question::line);
        if (isCaptured) {
            List<String> lines = envoy.awaitLog(landed.local() + " asked for " + destination + ",");
            assertEquals(1, lines.size(), lines::toString);
            assertTrue(lines.getFirst().contains(listener(explained, plan, to, question)), lines::toString);
        }
    }

    /** What goes to the address of a service by name comes to its instance; where the plan tells none, it is closed. */
    private static void toAnInstance(
            Plan plan, ServiceName name, RealEnvoy envoy, StoryWorld.Landed landed, String destination) {
        Service service = plan.services().stream()
                .filter(one -> one.name().equals(name))
                .findFirst()
                .orElseThrow();
        List<HostPort> instances = Objects.requireNonNull(service.hosts()).instances();
        String went = instances.isEmpty() ? "-" : instances.getFirst().toString();
        assertEquals(!instances.isEmpty(), landed.verdict().equals(new Direct(went)), landed::toString);
        List<String> lines = envoy.awaitLog(" asked for " + destination + ", went to " + went + " (TCP");
        assertEquals(1, lines.size(), lines::toString);
        assertTrue(lines.getFirst().endsWith("service " + name), lines::toString);
    }

    /**
     * As the access log names it. What arrives comes to the address of the interface; with tproxy nothing is translated.
     */
    private static String listener(Explanation explained, Plan plan, Address to, Question question) throws BadValue {
        Port port = Objects.requireNonNull(explained.listener());
        if (question.connection().caller().source() != null) {
            return ":" + port + ": ";
        }
        if (!question.isInbound()) {
            return "listener " + (to.family() == Family.IPV6 ? "[::1]" : "127.0.0.1") + ":" + port + ": ";
        }
        boolean translated = Objects.requireNonNull(plan.inbound()).mode() == Choices.InboundMode.REDIRECT;
        return "listener "
                + StoryWorld.spelled(
                        to, translated ? port.number() : question.connection().port())
                + ": ";
    }
}
