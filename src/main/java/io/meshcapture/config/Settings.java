package io.meshcapture.config;

import io.meshcapture.plan.BadValue;
import io.meshcapture.plan.Origin;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Finds a setting in the flags, the environment and the plan, in this order, and reads it from each of them. */
final class Settings {
    private final Map<String, List<String>> flags;
    private final Environment environment;
    private final Map<String, Section> sections;
    private final Nodes nodes;
    private final Problems problems;
    private final Map<Setting, Given<?>> winners = new HashMap<>();

    /** @param sections the plan's sections by their key, the top level by "" */
    Settings(
            Map<String, List<String>> flags,
            Environment environment,
            Map<String, Section> sections,
            Nodes nodes,
            Problems problems) {
        this.flags = flags;
        this.environment = environment;
        this.sections = sections;
        this.nodes = nodes;
        this.problems = problems;
    }

    /** What the highest source says, or null where none says anything. */
    <T> @Nullable Given<T> list(Setting setting, ValueType<T> type) {
        Given<T> byFlag = fromFlags(setting, type);
        Given<T> byVariable = fromEnvironment(setting, type);
        Given<T> byPlan = fromPlan(setting, type);
        Given<T> winner = byFlag != null ? byFlag : byVariable != null ? byVariable : byPlan;
        if (winner != null) {
            winners.put(setting, winner);
        }
        return winner;
    }

    /** The single value, or null where no source gives one that can be read. */
    <T> @Nullable Placed<T> one(Setting setting, ValueType<T> type) {
        Given<T> given = list(setting, type);
        return given == null || given.values().isEmpty() ? null : given.values().getFirst();
    }

    /** Where the setting was given, or null; after it was read. */
    @Nullable
    Given<?> winner(Setting setting) {
        return winners.get(setting);
    }

    private <T> @Nullable Given<T> fromFlags(Setting setting, ValueType<T> type) {
        List<String> values = flags.get(setting.flag());
        if (values == null || values.isEmpty()) {
            return null;
        }
        Origin origin = Origin.of(setting.flag());
        if (!setting.isList() && values.size() > 1) {
            problems.add(origin, setting.flag() + " is given " + values.size() + " times", "give it once");
            return Given.broken(origin);
        }
        List<Placed<String>> texts = separator(setting).items(values, origin);
        return Given.parse(setting.flag(), texts, origin, type, problems);
    }

    private <T> @Nullable Given<T> fromEnvironment(Setting setting, ValueType<T> type) {
        String value = environment.get(setting.variable());
        if (value == null) {
            return null;
        }
        Origin origin = Origin.of(setting.variable());
        List<Placed<String>> texts = separator(setting).items(List.of(value), origin);
        return Given.parse(setting.variable(), texts, origin, type, problems);
    }

    private static ListText separator(Setting setting) {
        return setting.isList() ? ListText.COMMAS : ListText.SINGLE;
    }

    private <T> @Nullable Given<T> fromPlan(Setting setting, ValueType<T> type) {
        Section section = sections.get(setting.section());
        Section.Entry entry = section == null ? null : section.get(setting.leaf());
        if (entry == null) {
            return null;
        }
        return setting.isList() ? many(entry, type) : single(entry, type);
    }

    /** Reads a value or a list of values of the plan. */
    <T> Given<T> many(Section.Entry entry, ValueType<T> type) {
        List<Placed<String>> texts = nodes.many(entry.path(), entry.value());
        return texts == null
                ? Given.broken(entry.origin())
                : Given.parse(entry.path(), texts, entry.origin(), type, problems);
    }

    /** Reads a value of the plan. */
    <T> Given<T> single(Section.Entry entry, ValueType<T> type) {
        Placed<String> text = nodes.one(entry.path(), entry.value());
        return text == null
                ? Given.broken(entry.origin())
                : Given.parse(entry.path(), List.of(text), entry.origin(), type, problems);
    }

    /** Refuses a list that is there and names nothing. */
    void refuseNothing(@Nullable Given<?> given, String path, String mend) {
        if (given != null && given.whole() && given.values().isEmpty()) {
            problems.add(given.origin(), path + " " + BadValue.quote("[]") + " names nothing", mend);
        }
    }
}
