package io.meshcapture.config;

import io.meshcapture.failure.Failure;
import io.meshcapture.plan.BadValue;
import io.meshcapture.plan.Origin;
import io.meshcapture.plan.Plan;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** Reads a plan from all of its sources. */
public final class Configuration {
    private Configuration() {}

    /**
     * A plan and how it came about.
     *
     * @param plan the plan, valid in itself; whether its users, units and interfaces exist is not asked here
     * @param provenance where each setting came from, defaults included
     * @param notes what is odd but has a meaning, one line each
     * @param source the plan's document, or null where flags and environment said everything
     */
    public record Reading(
            Plan plan,
            List<Provenance> provenance,
            List<String> notes,
            @Nullable PlanSource source) {
        public Reading {
            provenance = List.copyOf(provenance);
            notes = List.copyOf(notes);
        }
    }

    /**
     * Where one setting came from.
     *
     * @param key its path in the plan, such as {@code services.orders.to}
     * @param value the value in canonical text; of a long list the beginning
     * @param origin the place that won
     */
    public record Provenance(String key, String value, Origin origin) {}

    /**
     * Reads a plan. Per key, flags win over the environment, the environment over the plan, the plan over defaults.
     *
     * @param source the plan's document, or null where flags and environment must do
     * @param flags the values of each flag of {@link Setting} and {@link ServiceFlag} that was given, by its name such
     *     as {@code --envoy-user}, in the order of the command line
     * @param environment the process's environment; only variables that start with {@code MESHCAPTURE_} are looked at
     * @throws Failure.Invalid with all problems, if there is any
     * @throws IllegalArgumentException if flags has a name that is none of them
     */
    public static Reading read(
            @Nullable PlanSource source, Map<String, List<String>> flags, Map<String, String> environment) {
        refuseOtherFlags(flags);
        Problems problems = new Problems();
        Environment variables = new Environment(environment, problems);
        Nodes nodes = new Nodes(source == null ? "" : BadValue.printable(source.name()), problems);
        Document document = source == null ? Document.none() : Document.read(source, nodes, problems);
        Settings settings = new Settings(flags, variables, document.sections(), nodes, problems);
        ServiceFlags serviceFlags = new ServiceFlags(flags, variables, new Types(problems), problems);
        PlanDraft draft = new PlanReader(document, settings, nodes, problems).read(serviceFlags);
        new EnvoyChecks(draft, document, settings, problems).check();
        new ServiceChecks(draft, document, settings, problems).check();
        new ZoneChecks(draft, document, settings, problems).check();
        new EffectNotes(draft, problems).add();
        problems.throwIfAny();
        return new Reading(
                new PlanBuilder(draft).build(), new Origins(draft, settings).list(), problems.notes(), source);
    }

    private static void refuseOtherFlags(Map<String, List<String>> flags) {
        Set<String> known = new HashSet<>();
        for (Setting setting : Setting.values()) {
            known.add(setting.flag());
        }
        for (ServiceFlag flag : ServiceFlag.values()) {
            known.add(flag.flag());
        }
        for (String flag : flags.keySet()) {
            if (!known.contains(flag)) {
                throw new IllegalArgumentException(flag);
            }
        }
    }
}
