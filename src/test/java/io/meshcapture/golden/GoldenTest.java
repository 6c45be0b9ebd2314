package io.meshcapture.golden;

import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assertions.fail;

import io.meshcapture.backend.iptables.IptablesBackend;
import io.meshcapture.backend.nftables.NftablesBackend;
import io.meshcapture.config.Configuration;
import io.meshcapture.config.PlanSource;
import io.meshcapture.envoy.Bootstrap;
import io.meshcapture.envoy.Delivery;
import io.meshcapture.failure.Failure;
import io.meshcapture.plan.BadValue;
import io.meshcapture.plan.Choices;
import io.meshcapture.plan.Family;
import io.meshcapture.plan.Plan;
import io.meshcapture.plan.PortRange;
import io.meshcapture.rules.Decision;
import io.meshcapture.rules.DecisionCompiler;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;

/**
 * The whole pipeline as stories. With {@code -Dgolden=write} the files are rewritten from what is there now, and the test
 * fails all the same: somebody has to read them. Questions in {@code explain.txt} are kept; add one by writing its line.
 */
class GoldenTest {

    private static final Path STORIES = Path.of("src/test/resources/io/meshcapture/golden");
    private static final PortRange EPHEMERAL = new PortRange(32768, 60999);

    @TestFactory
    Stream<DynamicTest> story() throws IOException {
        return directories()
                .map(story -> DynamicTest.dynamicTest(story.getFileName().toString(), () -> check(story)));
    }

    @Test
    void every_story_says_in_its_first_line_what_it_shows() throws IOException {
        for (Path story : directories().toList()) {
            String plan = Files.readString(story.resolve("plan.yaml"));
            assertTrue(plan.startsWith("# "), story + "/plan.yaml begins with a comment");
        }
    }

    /** What the README leaves out stands there as […]. */
    @Test
    void the_readme_shows_the_envoy_of_a_story() throws IOException {
        String readme = Files.readString(Path.of("README.md"));
        String chapter = readme.substring(readme.indexOf("## An Envoy that fits"), readme.indexOf("## Commands"));
        String shown = chapter.substring(chapter.indexOf("```yaml\n") + 8, chapter.lastIndexOf("```\n"));
        String envoy = Files.readString(STORIES.resolve("gives-a-service-its-own-listener/envoy.yaml"));
        int from = 0;
        for (String part : shown.split("\\[…\\]\n", -1)) {
            int at = envoy.indexOf(part, from);
            assertTrue(at >= 0, () -> "the story has not, in this order: " + part);
            from = at + part.length();
        }
    }

    private static Stream<Path> directories() throws IOException {
        try (Stream<Path> children = Files.list(STORIES)) {
            return children.filter(Files::isDirectory).sorted().toList().stream();
        }
    }

    private static void check(Path story) throws IOException, BadValue {
        Map<String, String> told = tell(story);
        if ("write".equals(System.getProperty("golden"))) {
            rewrite(story, told);
            fail(story + " is rewritten, review");
        }
        TreeSet<String> files = new TreeSet<>(told.keySet());
        files.add("plan.yaml");
        assertTrue(names(story).equals(files), () -> story + " holds " + names(story) + " instead of " + files);
        for (Map.Entry<String, String> file : told.entrySet()) {
            Path path = story.resolve(file.getKey());
            String expected = Files.readString(path);
            if (!expected.equals(file.getValue())) {
                fail(path + " tells another story (- the file, + the program); accept it with -Dgolden=write\n"
                        + TextDifference.between(expected, file.getValue()));
            }
        }
    }

    /** The files that a story consists of besides its plan. */
    private static Map<String, String> tell(Path story) throws IOException, BadValue {
        Map<String, String> files = new LinkedHashMap<>();
        try {
            PlanSource source = new PlanSource("plan.yaml", Files.readAllBytes(story.resolve("plan.yaml")));
            Plan plan = Configuration.read(source, Map.of(), Map.of()).plan();
            Choices.Ipv6 ipv6 = plan.ipv6() == Choices.Ipv6.AUTO ? Choices.Ipv6.CAPTURE : plan.ipv6();
            Decision decision = DecisionCompiler.compile(
                    plan,
                    new DecisionCompiler.Host(
                            new Village(),
                            ipv6,
                            EPHEMERAL,
                            Village.NAME_SERVERS,
                            new TreeSet<>(),
                            Village.redirected(plan)));
            files.put("ruleset.nft", NftablesBackend.render(decision));
            files.put(
                    "envoy.yaml",
                    Bootstrap.of(plan, Village.envoysHost(plan), Delivery.STATIC)
                            .text());
            if (!decision.endings().contains(Decision.Ending.DROP_INVALID)) { // which iptables refuses
                files.put("iptables.v4", IptablesBackend.render(decision, Family.IPV4));
                files.put("iptables.v6", IptablesBackend.render(decision, Family.IPV6));
            }
            files.put("explain.txt", answers(decision, story.resolve("explain.txt")));
        } catch (Failure.Invalid refused) {
            files.put("refused.txt", refused.getMessage() + "\n");
        }
        return files;
    }

    private static String answers(Decision decision, Path file) throws IOException, BadValue {
        List<String> questions = Files.readAllLines(file).stream()
                .filter(line -> line.startsWith("$ "))
                .toList();
        assertTrue(questions.size() > 1, file + " asks at least two questions, in lines that begin with $");
        StringBuilder text = new StringBuilder();
        for (String question : questions) {
            text.append(text.isEmpty() ? "" : "\n").append(question).append('\n');
            text.append(new Question(question).answer(decision));
        }
        return text.toString();
    }

    private static void rewrite(Path story, Map<String, String> told) throws IOException {
        for (String name : names(story)) {
            if (!name.equals("plan.yaml") && !told.containsKey(name)) {
                Files.delete(story.resolve(name));
            }
        }
        for (Map.Entry<String, String> file : told.entrySet()) {
            Files.writeString(story.resolve(file.getKey()), file.getValue());
        }
    }

    private static Set<String> names(Path story) {
        try (Stream<Path> children = Files.list(story)) {
            return children.map(child -> child.getFileName().toString()).collect(Collectors.toCollection(TreeSet::new));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
