package io.meshcapture.config;

import io.meshcapture.plan.BadValue;
import io.meshcapture.plan.ServiceName;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Reads the {@code zones} of a plan. */
final class ZoneReader {
    private static final List<String> KEYS = List.of("networks", "services", "front-proxy");

    private final Settings settings;
    private final Nodes nodes;
    private final Types types;
    private final Problems problems;

    ZoneReader(Settings settings, Nodes nodes, Types types, Problems problems) {
        this.settings = settings;
        this.nodes = nodes;
        this.types = types;
        this.problems = problems;
    }

    /** Every zone whose name can be read. */
    List<PlanDraft.ZoneDraft> read(Section.@Nullable Entry zones) {
        Section section = zones == null ? null : nodes.section(zones.path(), zones.value());
        if (section == null) {
            return List.of();
        }
        List<PlanDraft.ZoneDraft> drafts = new ArrayList<>();
        for (Section.Entry entry : section.entries().values()) {
            Placed<ServiceName> name = name(entry);
            Section body = nodes.section(entry.path(), entry.value(), KEYS);
            if (body == null) {
                continue;
            }
            Section.Entry networks = body.get("networks");
            Section.Entry services = body.get("services");
            Section.Entry frontProxy = body.get("front-proxy");
            if (frontProxy == null) {
                problems.add(
                        entry.origin(),
                        "zone " + BadValue.quote(entry.key()) + " has no front-proxy",
                        "write front-proxy: \"HOST:PORT\"");
            }
            PlanDraft.ZoneDraft draft = new PlanDraft.ZoneDraft(
                    name == null ? new Placed<>(new ServiceName("unnamed"), entry.origin()) : name,
                    networks == null ? null : settings.many(networks, types.network()),
                    services == null ? null : settings.many(services, Types.SERVICE_NAME),
                    frontProxy == null ? null : settings.single(frontProxy, Types.HOST_PORT));
            if (name != null) {
                drafts.add(draft);
            }
        }
        return drafts;
    }

    private @Nullable Placed<ServiceName> name(Section.Entry entry) {
        try {
            return new Placed<>(Types.ZONE_NAME.parse(entry.key(), entry.origin()), entry.origin());
        } catch (BadValue bad) {
            problems.add(entry.origin(), bad);
            return null;
        }
    }
}
