package io.meshcapture.config;

import io.meshcapture.plan.BadValue;
import io.meshcapture.plan.Origin;
import io.meshcapture.plan.ServiceName;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Reads the one service that flags and environment describe. */
final class ServiceFlags {
    private static final String DEFAULT_NAME = "default";

    private final Map<String, List<String>> flags;
    private final Environment environment;
    private final Types types;
    private final Problems problems;

    ServiceFlags(Map<String, List<String>> flags, Environment environment, Types types, Problems problems) {
        this.flags = flags;
        this.environment = environment;
        this.types = types;
        this.problems = problems;
    }

    /** Whether any flag or variable speaks of a service. */
    boolean isGiven() {
        for (ServiceFlag flag : ServiceFlag.values()) {
            if (origin(flag) != null) {
                return true;
            }
        }
        return false;
    }

    /** Whether the service's name is given, and not the default. */
    boolean isNamed() {
        return origin(ServiceFlag.SERVICE) != null;
    }

    /** The service, or null where no flag and no variable speaks of one, or its name is wrong. */
    @Nullable
    ServiceDraft read() {
        Origin first = null;
        for (ServiceFlag flag : ServiceFlag.values()) {
            first = first == null ? origin(flag) : first;
        }
        if (first == null) {
            return null;
        }
        Placed<ServiceName> name = name(first);
        ServiceDraft draft = new ServiceDraft(
                name == null ? new Placed<>(new ServiceName(DEFAULT_NAME), first) : name,
                values(ServiceFlag.FROM_USER, Types.USER),
                values(ServiceFlag.FROM_GROUP, Types.GROUP),
                values(ServiceFlag.FROM_UNIT, Types.UNIT),
                values(ServiceFlag.FROM_CGROUP, Types.CGROUP),
                null,
                values(ServiceFlag.TO, types.to()),
                values(ServiceFlag.EXCEPT, types.except()),
                null,
                null,
                values(ServiceFlag.HOST, types.host()),
                null,
                null);
        return name == null ? null : draft;
    }

    /** Whether the service is described by more than its name. */
    static boolean describes(ServiceDraft draft) {
        return draft.users() != null
                || draft.groups() != null
                || draft.units() != null
                || draft.cgroups() != null
                || draft.to() != null
                || draft.except() != null
                || draft.hosts() != null;
    }

    private @Nullable Placed<ServiceName> name(Origin first) {
        List<String> values = flags.getOrDefault(ServiceFlag.SERVICE.flag(), List.of());
        if (values.size() > 1) {
            problems.add(
                    Origin.of(ServiceFlag.SERVICE.flag()),
                    "--service is given " + values.size() + " times",
                    "flags describe one service; write several into a plan");
            return null;
        }
        Origin origin = origin(ServiceFlag.SERVICE);
        String variable = environment.get(ServiceFlag.SERVICE.variable());
        String text = values.isEmpty() ? variable : values.getFirst();
        if (origin == null || text == null) {
            return new Placed<>(new ServiceName(DEFAULT_NAME), first);
        }
        try {
            return new Placed<>(ServiceName.parse(text), origin);
        } catch (BadValue bad) {
            problems.add(origin, bad);
            return null;
        }
    }

    private @Nullable Origin origin(ServiceFlag flag) {
        if (!flags.getOrDefault(flag.flag(), List.of()).isEmpty()) {
            return Origin.of(flag.flag());
        }
        return environment.get(flag.variable()) == null ? null : Origin.of(flag.variable());
    }

    private <T> @Nullable Given<T> values(ServiceFlag flag, ValueType<T> type) {
        Given<T> byFlag = fromFlags(flag, type);
        Given<T> byVariable = fromEnvironment(flag, type);
        return byFlag == null ? byVariable : byFlag;
    }

    private <T> @Nullable Given<T> fromFlags(ServiceFlag flag, ValueType<T> type) {
        List<String> values = flags.getOrDefault(flag.flag(), List.of());
        if (values.isEmpty()) {
            return null;
        }
        Origin origin = Origin.of(flag.flag());
        ListText separator = flag.isSpaced() ? ListText.SINGLE : ListText.COMMAS;
        List<Placed<String>> texts = separator.items(values, origin);
        return Given.parse(flag.flag(), texts, origin, type, problems);
    }

    private <T> @Nullable Given<T> fromEnvironment(ServiceFlag flag, ValueType<T> type) {
        String value = environment.get(flag.variable());
        if (value == null) {
            return null;
        }
        Origin origin = Origin.of(flag.variable());
        ListText separator = flag.isSpaced() ? ListText.SPACES : ListText.COMMAS;
        List<Placed<String>> texts = separator.items(List.of(value), origin);
        return Given.parse(flag.variable(), texts, origin, type, problems);
    }
}
