package io.meshcapture.rules;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.meshcapture.plan.Plan;
import io.meshcapture.plan.Rank;
import io.meshcapture.plan.Service;
import io.meshcapture.plan.ServiceName;
import io.meshcapture.rules.FirstMatch.Verdict;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

/**
 * What holds for every plan. The worlds are numbered; a failure names the number of the one that shows it, which is the
 * seed.
 */
class DecisionPropertyTest {

    private static final int PLANS = 500;
    private static final int CONNECTIONS = 60;

    @Test
    void explain_answers_what_the_contract_says_for_any_plan_and_connection() {
        Set<Explanation.Outcome> seen = new HashSet<>();
        for (int seed = 0; seed < PLANS; seed++) {
            SmallWorld world = new SmallWorld(seed);
            Plan plan = world.plan();
            Decision decision = DecisionCompiler.compile(plan, world.host(plan));
            for (int i = 0; i < CONNECTIONS; i++) {
                Connection connection = i % 4 == 0 ? world.forwarded() : world.connection();
                Verdict verdict = Verdict.of(Explainer.explain(decision, connection));
                assertEquals(
                        FirstMatch.decide(plan, connection),
                        verdict,
                        () -> connection + " in world " + world + " of\n" + said(plan));
                seen.add(verdict.outcome());
            }
        }
        assertEquals(Set.of(Explanation.Outcome.values()), seen);
    }

    @Test
    void explain_answers_likewise_for_what_arrives() {
        Set<Explanation.Outcome> seen = new HashSet<>();
        for (int seed = 0; seed < PLANS; seed++) {
            SmallWorld world = new SmallWorld(seed);
            Plan plan = world.plan();
            Decision decision = DecisionCompiler.compile(plan, world.host(plan));
            for (int i = 0; i < CONNECTIONS; i++) {
                Arrival arrival = world.arrival();
                Verdict verdict = Verdict.of(InboundExplainer.explain(decision, arrival));
                assertEquals(FirstMatch.decide(plan, arrival), verdict, () -> arrival + " in world " + world);
                seen.add(verdict.outcome());
            }
        }
        assertTrue(seen.contains(Explanation.Outcome.CAPTURED) && seen.contains(Explanation.Outcome.DIRECT));
    }

    @Test
    void no_two_entries_of_a_look_up_answer_one_connection_differently() {
        int shared = 0;
        for (int seed = 0; seed < PLANS; seed++) {
            SmallWorld world = new SmallWorld(seed);
            Plan plan = world.plan();
            for (Step step : DecisionCompiler.compile(plan, world.host(plan)).steps()) {
                if (step instanceof Step.Lookup(Rank rank, int layer, List<Entry> entries)) {
                    for (Entry one : entries) {
                        for (Entry other : entries) {
                            boolean compete = !one.equals(other) && compete(one, other);
                            shared += compete ? 1 : 0;
                            assertTrue(
                                    !compete || outcome(one).equals(outcome(other)),
                                    () -> one + " and " + other + " in look-up " + layer + " of " + rank + " in world "
                                            + world + " of\n" + said(plan));
                        }
                    }
                }
            }
        }
        assertTrue(shared > 0, "some entries of one service do share connections");
    }

    @Test
    void destinations_of_one_step_are_cut_apart_since_elements_of_a_map_may_not_overlap() {
        for (int seed = 0; seed < PLANS; seed++) {
            SmallWorld world = new SmallWorld(seed);
            Plan plan = world.plan();
            for (Step step : DecisionCompiler.compile(plan, world.host(plan)).steps()) {
                if (step instanceof Step.Lookup lookup) {
                    List<Entry> entries = lookup.entries();
                    for (int i = 0; i < entries.size(); i++) {
                        for (int k = i + 1; k < entries.size(); k++) {
                            Entry one = entries.get(i);
                            Entry other = entries.get(k);
                            assertTrue(
                                    !one.caller().equals(other.caller()) || !compete(one, other),
                                    () -> one + " and " + other + " in world " + world + " of\n" + said(plan));
                        }
                    }
                }
            }
        }
    }

    private static boolean compete(Entry one, Entry other) {
        return one.caller().overlaps(other.caller())
                && one.ports().overlaps(other.ports())
                && one.network().family() == other.network().family()
                && (one.network().contains(other.network()) || other.network().contains(one.network()));
    }

    private static List<Object> outcome(Entry entry) {
        return List.of(String.valueOf(entry.service()), String.valueOf(entry.listener()));
    }

    @Test
    void taking_services_out_leaves_what_the_plan_without_them_compiles_to() {
        int changed = 0;
        for (int seed = 0; seed < PLANS; seed++) {
            SmallWorld world = new SmallWorld(seed);
            Plan plan = world.plan();
            Set<ServiceName> gone = new LinkedHashSet<>();
            List<Service> kept = new ArrayList<>();
            for (Service service : plan.services()) {
                if (world.below(3) == 0) {
                    gone.add(service.name());
                } else {
                    kept.add(service);
                }
            }
            Decision before = DecisionCompiler.compile(plan, world.host(plan));
            Plan without = SmallWorld.with(plan, kept);
            Decision expected = DecisionCompiler.compile(without, world.host(plan));
            Decision left = Removal.without(before, gone);
            String where = "without " + gone + " in world " + world + " of\n" + said(plan);
            assertEquals(layers(expected), layers(left), where);
            assertEquals(expected.listeners(), left.listeners(), where);
            assertEquals(expected.services(), left.services(), where);
            assertEquals(expected.endings(), left.endings(), where);
            for (int i = 0; i < CONNECTIONS; i++) {
                Connection connection = world.connection();
                assertEquals(
                        FirstMatch.decide(without, connection),
                        Verdict.of(Explainer.explain(left, connection)),
                        () -> connection + " " + where);
            }
            changed += gone.isEmpty() ? 0 : 1;
        }
        assertTrue(changed > PLANS / 3);
    }

    /** The steps, with entries of one look-up in no order. */
    private static Map<String, Object> layers(Decision decision) {
        Map<String, Object> layers = new LinkedHashMap<>();
        for (Step step : decision.steps()) {
            layers.put(step.why(), step instanceof Step.Lookup lookup ? Set.copyOf(lookup.entries()) : step);
        }
        return layers;
    }

    @Test
    void a_service_is_refused_exactly_where_it_never_decides() {
        List<Connection> everyConnection = SmallWorld.everyConnection();
        int refusedInAll = 0;
        for (int seed = 0; seed < 40; seed++) {
            SmallWorld world = new SmallWorld(seed);
            Plan plan = world.anyPlan();
            Set<@Nullable ServiceName> deciding = new HashSet<>();
            for (Connection connection : everyConnection) {
                deciding.add(FirstMatch.decide(plan, connection).service());
            }
            List<ServiceName> never = plan.services().stream()
                    .map(Service::name)
                    .filter(name -> !deciding.contains(name))
                    .toList();
            List<ServiceName> refused =
                    world.refused(plan).stream().map(Service::name).toList();
            assertEquals(never, refused, () -> "in world " + world + " of\n" + said(plan));
            refusedInAll += refused.size();
        }
        assertTrue(refusedInAll > 10, "some are refused: " + refusedInAll);
    }

    /** The plan, a service a line. */
    private static String said(Plan plan) {
        StringBuilder text = new StringBuilder("ipv6 " + plan.ipv6() + ", except " + plan.except() + "\n");
        for (Service service : plan.services()) {
            text.append(service.name() + ": from " + service.from() + " to " + service.to() + " except "
                    + service.except() + "\n");
        }
        return text.toString();
    }
}
