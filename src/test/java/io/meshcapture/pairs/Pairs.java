package io.meshcapture.pairs;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/** Draws pairs of a plan and a connection and looks whether they are explained as they are. */
final class Pairs {
    private static final int CONNECTIONS_PER_PLAN = 30;

    private final World world;
    private final Draw draw;
    private final Map<String, Integer> outcomes = new TreeMap<>();
    private int plans;
    private int pairs;

    Pairs(World world, long seed) {
        this.world = world;
        this.draw = new Draw(seed);
    }

    /**
     * A connection that is not explained as it is.
     *
     * @param plan the plan
     * @param attempt the connection
     * @param difference what the kernel did and what was said of it
     */
    record Defect(Sketch plan, Attempt attempt, String difference) {
        /** The text that {@link KeptPairsKernelIT} keeps. */
        String kept() {
            return "# " + attempt.text() + "\n# " + difference + "\n" + plan.yaml();
        }
    }

    /** How often each way ended how. */
    Map<String, Integer> outcomes() {
        return outcomes;
    }

    @Override
    public String toString() {
        return pairs + " pairs of " + plans + " plans: " + outcomes;
    }

    /** Looks at so many pairs, or up to the first defects; those, each with as small a plan as it takes. */
    List<Defect> look(int count) {
        List<Defect> defects = new ArrayList<>();
        while (pairs < count && defects.isEmpty()) {
            Sketch plan = draw.plan();
            String yaml = plan.yaml();
            if (!world.stands(yaml)) {
                continue;
            }
            plans++;
            var byPlan = world.byPlan(yaml);
            var live = world.byLiveState();
            boolean guests = plan.sections().getOrDefault("interfaces", "").contains("outbound");
            for (int i = 0; i < CONNECTIONS_PER_PLAN && pairs < count && defects.isEmpty(); i++) {
                Attempt attempt = draw.attempt(guests);
                pairs++;
                String done = world.does(attempt);
                outcomes.merge(attempt.way() + " " + done.replaceAll(" .*", ""), 1, Integer::sum);
                String difference = difference(done, byPlan.says(attempt), live.says(attempt));
                if (!difference.isEmpty()) {
                    System.out.println("pair " + pairs + ", " + attempt.text() + ", " + difference + "\n" + yaml);
                    defects.add(smallest(plan, attempt));
                }
            }
        }
        world.clear();
        return defects;
    }

    private static String difference(String done, String byPlan, String live) {
        return done.equals(byPlan) && done.equals(live)
                ? ""
                : "the kernel: " + done + "; explain: " + byPlan + "; explain --live: " + live;
    }

    /** What differs in a pair; empty where it is explained as it is, or the plan is refused. */
    static String difference(World world, String yaml, Attempt attempt) {
        if (!world.stands(yaml)) {
            return "";
        }
        return difference(
                world.does(attempt),
                world.byPlan(yaml).says(attempt),
                world.byLiveState().says(attempt));
    }

    private Defect smallest(Sketch plan, Attempt attempt) {
        Map<Sketch, String> found = new LinkedHashMap<>();
        Sketch smallest = plan;
        String difference = difference(world, plan.yaml(), attempt);
        boolean smaller = true;
        while (smaller) {
            smaller = false;
            for (Sketch less : smallest.smaller()) {
                String again = found.computeIfAbsent(less, one -> difference(world, one.yaml(), attempt));
                if (!again.isEmpty()) {
                    smallest = less;
                    difference = again;
                    smaller = true;
                    break;
                }
            }
        }
        return new Defect(smallest, attempt, difference.isEmpty() ? "only once" : difference);
    }
}
