package io.meshcapture.backend.nftables;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.meshcapture.failure.Failure;
import io.meshcapture.plan.Choices;
import io.meshcapture.plan.Plan;
import io.meshcapture.plan.Service;
import io.meshcapture.plan.ServiceName;
import io.meshcapture.rules.Arrival;
import io.meshcapture.rules.Connection;
import io.meshcapture.rules.Decision;
import io.meshcapture.rules.DecisionCompiler;
import io.meshcapture.rules.Explainer;
import io.meshcapture.rules.Explanation;
import io.meshcapture.rules.InboundExplainer;
import io.meshcapture.rules.Removal;
import io.meshcapture.rules.ServiceFacts;
import io.meshcapture.rules.ServiceRules;
import io.meshcapture.rules.SmallWorld;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class LiveDecisionTest {

    private static final int WORLDS = 120;

    /** The ruleset of some world that captures everything of everybody. */
    private static final String CAPTURE = capture();

    private static Ruleset listed(Decision decision) {
        return ListingParser.parse(RulesetText.of(RulesetRenderer.render(decision)));
    }

    @Test
    void answers_as_the_plan_that_was_applied_does() {
        for (int seed = 0; seed < WORLDS; seed++) {
            SmallWorld world = new SmallWorld(seed);
            Decision compiled = Listings.random(world);
            Decision read = new LiveDecision(listed(compiled)).read();
            for (int i = 0; i < 60; i++) {
                Connection connection = i % 4 == 0 ? world.forwarded() : world.connection();
                Explanation expected = Explainer.explain(compiled, connection);
                Explanation answer = Explainer.explain(read, connection);
                String where = connection + " in world " + seed;
                assertEquals(expected.outcome(), answer.outcome(), where);
                assertEquals(expected.service(), answer.service(), where);
                assertEquals(expected.listener(), answer.listener(), where);
                assertEquals(expected.lines().size(), answer.lines().size(), where);
                Arrival arrival = world.arrival();
                assertEquals(
                        InboundExplainer.explain(compiled, arrival),
                        InboundExplainer.explain(read, arrival),
                        arrival + " in world " + seed);
            }
        }
    }

    @Test
    void is_rendered_to_the_same_ruleset_again() {
        for (int seed = 0; seed < WORLDS; seed++) {
            Ruleset listed = listed(Listings.random(new SmallWorld(seed)));
            assertEquals(listed, RulesetRenderer.render(new LiveDecision(listed).read()), "seed " + seed);
        }
    }

    @Test
    void tells_the_services_their_digests_and_the_settings() {
        for (int seed = 0; seed < WORLDS; seed++) {
            SmallWorld world = new SmallWorld(seed);
            Plan plan = world.plan();
            Decision compiled = DecisionCompiler.compile(plan, world.host(plan));
            NftLiveState live = new NftLiveState(listed(compiled), 0, 0);
            assertEquals(sorted(compiled.services()), sorted(live.decision().services()), "seed " + seed);
            assertEquals(plan.ipv6(), live.ipv6(), "seed " + seed);
            assertEquals(compiled.listeners(), live.listeners(), "seed " + seed);
        }
        assertEquals(null, new NftLiveState(null, 0, 0).ipv6());
    }

    private static List<ServiceFacts> sorted(List<ServiceFacts> facts) {
        return facts.stream().sorted(Comparator.comparing(ServiceFacts::name)).toList();
    }

    @Test
    void services_that_stand_are_compiled_again_to_what_stands() {
        for (int seed = 0; seed < WORLDS; seed++) {
            SmallWorld world = new SmallWorld(seed);
            Plan plan = world.plan();
            Decision compiled = DecisionCompiler.compile(plan, world.host(plan));
            Map<ServiceName, ServiceRules> standing = new NftLiveState(listed(compiled), 0, 0).standing();
            assertEquals(
                    RulesetRenderer.render(compiled),
                    RulesetRenderer.render(DecisionCompiler.compile(plan, world.host(plan), standing)),
                    "seed " + seed);
        }
    }

    @Test
    void a_rollback_leaves_what_a_plan_without_the_service_renders_to() {
        for (int seed = 0; seed < WORLDS; seed++) {
            SmallWorld world = new SmallWorld(seed);
            Plan plan = world.plan();
            Service first = plan.services().getFirst();
            Decision live = new LiveDecision(listed(DecisionCompiler.compile(plan, world.host(plan)))).read();
            Plan without = SmallWorld.with(
                    plan, plan.services().subList(1, plan.services().size()));
            Ruleset expected = RulesetRenderer.render(DecisionCompiler.compile(without, world.host(plan)));
            Ruleset left = RulesetRenderer.render(Removal.without(live, Set.of(first.name())));
            assertEquals(List.of(), Drift.between(left, expected, null), "seed " + seed);
        }
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "\t\tip daddr 169.254.0.0/16 accept comment \"link-local addresses stay direct\"\n",
                "\t\tip6 daddr ff00::/8 accept comment \"multicast stays direct\"\n",
                "\t\ttcp sport != 32768-60999 accept comment \"answers of servers on this host\"\n",
                "\t\tmeta l4proto tcp redirect to :15001 comment \"to Envoy\"\n",
            })
    void half_a_guard_is_none_and_is_not_explained_as_one(String gone) {
        String text = CAPTURE;
        assertTrue(text.contains(gone));
        Ruleset damaged = ListingParser.parse(text.replace(gone, ""));
        assertTrue(isToldApart(damaged));
    }

    /** Whether what stands is not taken for what its comments tell: the check of {@link NftablesBackend#standing}. */
    private static boolean isToldApart(Ruleset stands) {
        try {
            Ruleset told = RulesetRenderer.render(new LiveDecision(stands).read());
            return Drift.between(stands, told, null).stream().anyMatch(finding -> finding.service() == null);
        } catch (Failure.Conflict notOurs) {
            return true;
        }
    }

    @Test
    void where_nothing_redirects_there_is_no_decision() {
        String text = CAPTURE.replaceAll("\t\tmeta l4proto tcp redirect .*\n", "");
        assertThrows(Failure.Conflict.class, () -> new LiveDecision(ListingParser.parse(text)).read());
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "meta skuid 0 accept",
                "meta l4proto tcp redirect to :15001",
                "th dport . ip daddr vmap @unknown",
                "ip daddr 169.254.0.0/17 accept comment \"link-local addresses stay direct\""
            })
    void a_rule_that_is_not_ours_is_not_explained_away(String rule) {
        String text = CAPTURE;
        Ruleset edited = ListingParser.parse(
                text.replace("\t\tfib daddr type local", "\t\t" + rule + "\n\t\tfib daddr type local"));
        assertTrue(isToldApart(edited));
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "1-2-3 . 0.0.0.0/0 comment \"x\" : accept",
                "80 comment \"x\" : accept",
                "80 . 10.0.0.1-10.0.0.9 comment \"x\" : accept",
                "80 . 10.0.0.1 comment \"Not A Name\" : accept"
            })
    void an_element_that_is_not_ours_is_a_conflict(String element) {
        Ruleset edited = ListingParser.parse(CAPTURE.replace(
                "elements = { 0-65535 . 0.0.0.0/0", "elements = { " + element + ", 0-65535 . 0.0.0.0/0"));
        assertThrows(Failure.Conflict.class, () -> new LiveDecision(edited).read());
    }

    private static String capture() {
        for (int seed = 0; ; seed++) {
            SmallWorld world = new SmallWorld(seed);
            Plan plan = world.plan();
            String text = RulesetText.of(RulesetRenderer.render(DecisionCompiler.compile(plan, world.host(plan))));
            if (plan.ipv6() == Choices.Ipv6.CAPTURE
                    && text.contains("redirect to :15001")
                    && text.contains("elements = { 0-65535 . 0.0.0.0/0")) {
                return text;
            }
        }
    }
}
