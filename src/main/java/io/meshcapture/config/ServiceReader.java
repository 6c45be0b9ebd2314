package io.meshcapture.config;

import io.meshcapture.plan.BadValue;
import io.meshcapture.plan.Port;
import io.meshcapture.plan.ServiceName;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Reads the {@code services} of a plan. */
final class ServiceReader {
    private static final List<String> KEYS =
            List.of("from", "to", "except", "on-envoy-down", "outbound", "hosts", "ports", "instances");
    private static final List<String> CALLER_KEYS = List.of("user", "group", "unit", "cgroup", "network");

    private final Settings settings;
    private final Nodes nodes;
    private final Types types;
    private final Problems problems;

    ServiceReader(Settings settings, Nodes nodes, Types types, Problems problems) {
        this.settings = settings;
        this.nodes = nodes;
        this.types = types;
        this.problems = problems;
    }

    /** Every service of the section whose name can be read. */
    List<ServiceDraft> read(Section services) {
        List<ServiceDraft> drafts = new ArrayList<>(services.entries().size());
        for (Section.Entry entry : services.entries().values()) {
            ServiceName name = null;
            try {
                name = ServiceName.parse(entry.key());
            } catch (BadValue bad) {
                problems.add(entry.origin(), bad);
            }
            Section body = nodes.section(entry.path(), entry.value(), KEYS);
            if (body != null) {
                // read even where the name is wrong, so that all of its problems are told at once
                ServiceName known = name == null ? new ServiceName("unnamed") : name;
                ServiceDraft draft = service(new Placed<>(known, entry.origin()), body);
                if (name != null) {
                    drafts.add(draft);
                }
            }
        }
        return drafts;
    }

    private ServiceDraft service(Placed<ServiceName> name, Section body) {
        Section from = callers(body.get("from"));
        Section.Entry ports = body.get("ports");
        return new ServiceDraft(
                name,
                many(from, "user", Types.USER),
                many(from, "group", Types.GROUP),
                many(from, "unit", Types.UNIT),
                many(from, "cgroup", Types.CGROUP),
                many(from, "network", types.network()),
                many(body, "to", types.to()),
                many(body, "except", types.except()),
                single(body, "on-envoy-down", Types.ON_ENVOY_DOWN),
                single(body, "outbound", Types.PORT),
                many(body, "hosts", types.host()),
                ports == null ? null : ports(ports),
                many(body, "instances", Types.HOST_PORT));
    }

    /** The mapping below {@code from}, or null where it is left out or says {@code any}. */
    private @Nullable Section callers(Section.@Nullable Entry from) {
        if (from == null || nodes.isWord(from.value(), "any")) {
            return null;
        }
        Section callers = nodes.section(from.path(), from.value(), CALLER_KEYS);
        if (nodes.isEmptyMapping(from.value())) {
            problems.add(
                    from.origin(), from.path() + " names nobody", "write any, or the caller, such as {user: orders}");
        }
        return callers;
    }

    private <T> @Nullable Given<T> many(@Nullable Section section, String key, ValueType<T> type) {
        Section.Entry entry = section == null ? null : section.get(key);
        return entry == null ? null : settings.many(entry, type);
    }

    private <T> @Nullable Given<T> single(Section section, String key, ValueType<T> type) {
        Section.Entry entry = section.get(key);
        return entry == null ? null : settings.single(entry, type);
    }

    private Given<ServiceDraft.PortPair> ports(Section.Entry entry) {
        Section section = nodes.section(entry.path(), entry.value());
        if (section == null) {
            return Given.broken(entry.origin());
        }
        List<Placed<ServiceDraft.PortPair>> pairs = new ArrayList<>();
        boolean whole = true;
        for (Section.Entry pair : section.entries().values()) {
            Given<Port> client = Given.parse(
                    pair.path(), List.of(new Placed<>(pair.key(), pair.origin())), pair.origin(), Types.PORT, problems);
            Given<Port> listener = settings.single(pair, Types.PORT);
            if (client.values().isEmpty() || listener.values().isEmpty()) {
                whole = false;
                continue;
            }
            pairs.add(new Placed<>(
                    new ServiceDraft.PortPair(
                            client.values().getFirst().value(),
                            listener.values().getFirst().value()),
                    listener.values().getFirst().origin()));
        }
        return new Given<>(pairs, entry.origin(), whole);
    }
}
