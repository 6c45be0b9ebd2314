package io.meshcapture.config;

import io.meshcapture.plan.BadValue;
import io.meshcapture.plan.Origin;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;

/**
 * The environment variables that are ours.
 *
 * <p>One that starts with {@code MESHCAPTURE_} and is not known is a problem, since it would be ignored. One that is
 * empty is a problem too: it could mean "as if not set" as well as "none", and {@code MESHCAPTURE_TO} shows that the
 * two are far apart. What Kubernetes sets for a Service that happens to be called {@code meshcapture} is left alone,
 * with a note.
 */
final class Environment {
    static final String PREFIX = "MESHCAPTURE_";

    /** Read by {@link PlanFile}. */
    static final String PLAN = "MESHCAPTURE_PLAN";

    /** Read by {@link PlanFile}. */
    static final String PLAN_LIMIT = "MESHCAPTURE_PLAN_LIMIT";

    /** Variables that others read: the scripts that build and try it out, in whose environment it may run. */
    static final List<String> OF_OTHERS = List.of("MESHCAPTURE_JDKS");

    private final Map<String, String> values = new TreeMap<>();

    Environment(Map<String, String> environment, Problems problems) {
        Set<String> known = null;
        List<String> links = new ArrayList<>();
        // sorted, so that notes and problems come in the same order every time
        for (Map.Entry<String, String> entry : ours(environment).entrySet()) {
            String name = entry.getKey();
            known = known == null ? known() : known;
            if (!known.contains(name)) {
                if (isServiceLink(name, environment)) {
                    links.add(name);
                } else {
                    addUnknown(name, known, problems);
                }
            } else if (entry.getValue().isBlank()) {
                problems.add(
                        Origin.of(name),
                        "environment variable " + BadValue.quote(name) + " is empty",
                        "give it a value, or unset it");
            } else {
                values.put(name, entry.getValue());
            }
        }
        if (!links.isEmpty()) {
            problems.note("environment variables that Kubernetes sets for a Service of that name are ignored: "
                    + String.join(", ", links));
        }
    }

    private static void addUnknown(String name, Set<String> known, Problems problems) {
        // the prefix, which all share, would make every name look near
        Set<String> ends = new TreeSet<>();
        for (String variable : known) {
            ends.add(variable.substring(PREFIX.length()));
        }
        String nearest = EditDistance.nearest(name.substring(PREFIX.length()), ends);
        problems.add(
                Origin.of(BadValue.printable(name)),
                "environment variable " + BadValue.quote(name) + " is not known",
                (nearest == null ? "" : "did you mean " + PREFIX + nearest + "? ")
                        + "unset it, or correct its name (see --help)");
    }

    private static Map<String, String> ours(Map<String, String> environment) {
        Map<String, String> ours = new TreeMap<>();
        for (Map.Entry<String, String> entry : environment.entrySet()) {
            if (entry.getKey().startsWith(PREFIX)) {
                ours.put(entry.getKey(), entry.getValue());
            }
        }
        return ours;
    }

    private static Set<String> known() {
        Set<String> known = new TreeSet<>(OF_OTHERS);
        known.add(PLAN);
        known.add(PLAN_LIMIT);
        for (Setting setting : Setting.values()) {
            known.add(setting.variable());
        }
        for (ServiceFlag flag : ServiceFlag.values()) {
            known.add(flag.variable());
        }
        return known;
    }

    /**
     * Kubernetes gives every container {@code X_SERVICE_HOST}, {@code X_SERVICE_PORT}, {@code X_PORT} and more for each
     * Service X of its namespace ("Accessing the Service: environment variables"), and {@code MESHCAPTURE} is X for a
     * Service called meshcapture.
     */
    private static boolean isServiceLink(String name, Map<String, String> environment) {
        for (String link : Set.of("_SERVICE_HOST", "_SERVICE_PORT", "_PORT")) {
            int at = name.indexOf(link);
            if (at > 0) {
                String service = name.substring(0, at);
                String rest = name.substring(at + link.length());
                if ((rest.isEmpty() || rest.startsWith("_"))
                        && environment.containsKey(service + "_SERVICE_HOST")
                        && environment.containsKey(service + "_SERVICE_PORT")) {
                    return true;
                }
            }
        }
        return false;
    }

    /** The variable's text, not blank, or null where it is not set. */
    @Nullable
    String get(String variable) {
        return values.get(variable);
    }
}
