package io.meshcapture.config;

import io.meshcapture.plan.Choices;
import io.meshcapture.plan.Origin;
import io.meshcapture.plan.Port;
import io.meshcapture.plan.Ports;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Lists where each setting of a draft came from, defaults included. */
final class Origins {
    /** A list of a hundred thousand networks is told by its first. */
    private static final int SHOWN_VALUES = 5;

    private final PlanDraft draft;
    private final Settings settings;
    private final List<Configuration.Provenance> list = new ArrayList<>();

    Origins(PlanDraft draft, Settings settings) {
        this.draft = draft;
        this.settings = settings;
    }

    List<Configuration.Provenance> list() {
        for (Setting setting : Setting.values()) {
            boolean idle = (setting.section().equals("inbound") && draft.envoy().inbound() == null)
                    || (setting.section().equals("dns") && draft.envoy().dns() == null);
            if (!idle) {
                String text = setting.defaultText();
                add(setting.key(), settings.winner(setting), text == null ? "none" : text, Origin.DEFAULT);
            }
        }
        add("except", draft.except(), "none", Origin.DEFAULT);
        for (ServiceDraft service : draft.services()) {
            addService(service);
        }
        for (PlanDraft.ZoneDraft zone : draft.zones()) {
            String path = "zones." + zone.name().value() + ".";
            add(path + "networks", zone.networks(), "none", Origin.DEFAULT);
            add(path + "services", zone.services(), "none", Origin.DEFAULT);
            add(path + "front-proxy", zone.frontProxy(), "none", Origin.DEFAULT);
        }
        return List.copyOf(list);
    }

    private void addService(ServiceDraft service) {
        int before = list.size();
        addGiven(service.path("from.user"), service.users());
        addGiven(service.path("from.group"), service.groups());
        addGiven(service.path("from.unit"), service.units());
        addGiven(service.path("from.cgroup"), service.cgroups());
        addGiven(service.path("from.network"), service.networks());
        if (list.size() == before) {
            add(service.path("from"), null, "any", Origin.DEFAULT);
        }
        if (service.hosts() == null) {
            add(service.path("to"), service.to(), "any", Origin.DEFAULT);
            add(service.path("except"), service.except(), "none", Origin.DEFAULT);
        } else {
            addGiven(service.path("hosts"), service.hosts());
            addGiven(service.path("ports"), service.ports());
            addGiven(service.path("instances"), service.instances());
        }
        Placed<Choices.OnEnvoyDown> down = draft.onEnvoyDown();
        add(service.path("on-envoy-down"), service.onEnvoyDown(), Choices.word(down.value()), down.origin());
        Placed<Port> outbound = draft.envoy().outbound();
        add(service.path("outbound"), service.outbound(), outbound.value().toString(), outbound.origin());
    }

    private void addGiven(String key, @Nullable Given<?> given) {
        if (given != null) {
            add(key, given, "", Origin.DEFAULT);
        }
    }

    private void add(String key, @Nullable Given<?> given, String otherwise, Origin otherOrigin) {
        if (given == null) {
            list.add(new Configuration.Provenance(key, otherwise, otherOrigin));
        } else if (given.values().isEmpty()) {
            list.add(new Configuration.Provenance(key, "none", given.origin()));
        } else {
            list.add(new Configuration.Provenance(
                    key, text(given.values()), given.values().getFirst().origin()));
        }
    }

    private static String text(List<? extends Placed<?>> values) {
        StringBuilder text = new StringBuilder();
        int shown = Math.min(values.size(), SHOWN_VALUES);
        for (int i = 0; i < shown; i++) {
            text.append(i == 0 ? "" : " ").append(text(values.get(i).value()));
        }
        if (values.size() > shown) {
            text.append(" and ").append(values.size() - shown).append(" more");
        }
        return text.toString();
    }

    private static String text(Object value) {
        if (value instanceof Enum<?> choice) {
            return Choices.word(choice);
        }
        return value instanceof Ports ports && ports.isAll() ? "any" : value.toString();
    }
}
