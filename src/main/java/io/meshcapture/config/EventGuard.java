package io.meshcapture.config;

import io.meshcapture.plan.BadValue;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.HashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.yaml.snakeyaml.events.AliasEvent;
import org.yaml.snakeyaml.events.CollectionEndEvent;
import org.yaml.snakeyaml.events.CollectionStartEvent;
import org.yaml.snakeyaml.events.DocumentStartEvent;
import org.yaml.snakeyaml.events.Event;
import org.yaml.snakeyaml.events.ScalarEvent;
import org.yaml.snakeyaml.parser.Parser;

/**
 * Stands between YAML's parser and the tree, and lets through only what a plan may contain: one document, no tags,
 * little depth, few aliases that stand for little. An event is refused before anything is built from it.
 */
final class EventGuard implements Parser {
    /** The deepest key of a plan is at 5. */
    private static final int MAX_DEPTH = 20;

    private static final int MAX_ALIASES = 50;

    /** How many values aliases may stand for in all: ten levels of ten would be ten thousand million. */
    private static final long MAX_ALIASED = 100_000;

    private record Open(@Nullable String anchor, long before) {}

    private final Parser parser;
    private final Deque<Open> open = new ArrayDeque<>();
    private final Map<String, Long> anchors = new HashMap<>();
    private int documents;
    private int aliases;
    private long aliased;
    private long values;

    EventGuard(Parser parser) {
        this.parser = parser;
    }

    @Override
    public boolean checkEvent(Event.ID choice) {
        return parser.checkEvent(choice);
    }

    @Override
    public Event peekEvent() {
        return parser.peekEvent();
    }

    @Override
    public Event getEvent() {
        Event event = parser.getEvent();
        // by instanceof: a switch over types spins classes at run time, which no AOT cache holds (JDK 25), 10 ms of
        // start
        if (event instanceof ScalarEvent scalar) {
            refuseTag(scalar, scalar.getTag());
            values++;
            if (scalar.getAnchor() != null) {
                anchors.put(scalar.getAnchor(), 1L);
            }
        } else if (event instanceof CollectionStartEvent start) {
            open(start);
        } else if (event instanceof CollectionEndEvent) {
            Open closed = open.pop();
            if (closed.anchor() != null) {
                anchors.put(closed.anchor(), values - closed.before());
            }
        } else if (event instanceof AliasEvent alias) {
            count(alias);
        } else if (event instanceof DocumentStartEvent && ++documents > 1) {
            throw new YamlRefused(
                    event.getStartMark(),
                    "a second document begins here",
                    "write one plan into one file, without --- between its parts");
        }
        return event;
    }

    private void open(CollectionStartEvent start) {
        refuseTag(start, start.getTag());
        if (open.size() == MAX_DEPTH) {
            throw new YamlRefused(
                    start.getStartMark(),
                    "the plan is nested deeper than " + MAX_DEPTH + " levels",
                    "compare it with the example in the documentation");
        }
        open.push(new Open(start.getAnchor(), values++));
    }

    private static void refuseTag(Event event, @Nullable String tag) {
        if (tag != null) {
            throw new YamlRefused(
                    event.getStartMark(),
                    "tag " + BadValue.quote(tag) + " is refused",
                    "remove it; plans need no tags");
        }
    }

    private void count(AliasEvent alias) {
        String name = alias.getAnchor();
        for (Open ancestor : open) {
            if (name.equals(ancestor.anchor())) {
                throw new YamlRefused(
                        alias.getStartMark(),
                        "alias " + BadValue.quote("*" + name) + " stands within what it stands for",
                        "write the value out");
            }
        }
        long size = anchors.getOrDefault(name, 0L);
        values += size;
        aliased += size;
        if (++aliases > MAX_ALIASES || aliased > MAX_ALIASED) {
            String limit = aliases > MAX_ALIASES
                    ? "more than " + MAX_ALIASES + " aliases"
                    : "aliases that stand for more than " + MAX_ALIASED + " values";
            throw new YamlRefused(alias.getStartMark(), "the plan has " + limit, "write the values out");
        }
    }
}
