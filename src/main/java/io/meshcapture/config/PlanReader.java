package io.meshcapture.config;

import io.meshcapture.plan.BadValue;
import io.meshcapture.plan.Choices;
import io.meshcapture.plan.Origin;
import java.util.ArrayList;
import java.util.List;

/** Reads every key from wherever it was given. */
final class PlanReader {
    private final Document document;
    private final Settings settings;
    private final Nodes nodes;
    private final Types types;
    private final Problems problems;

    PlanReader(Document document, Settings settings, Nodes nodes, Problems problems) {
        this.document = document;
        this.settings = settings;
        this.nodes = nodes;
        this.types = new Types(problems);
        this.problems = problems;
    }

    PlanDraft read(ServiceFlags serviceFlags) {
        PlanDraft.EnvoyDraft envoy = envoy();
        Section.Entry except = document.get("except");
        return new PlanDraft(
                envoy,
                choice(Setting.BACKEND, Choices.Backend.values()),
                choice(Setting.IPV6, Choices.Ipv6.values()),
                choice(Setting.UDP443, Choices.Udp443.values()),
                choice(Setting.INVALID, Choices.Invalid.values()),
                choice(Setting.HOSTS_PORTS, Choices.HostsPorts.values()),
                choice(Setting.ON_ENVOY_DOWN, Choices.OnEnvoyDown.values()),
                except == null ? null : settings.many(except, types.except()),
                services(serviceFlags),
                new PlanDraft.InboundDraft(
                        choice(Setting.INBOUND_MODE, Choices.InboundMode.values()),
                        settings.list(Setting.INBOUND_TO, Types.INBOUND_TO),
                        settings.list(Setting.INBOUND_EXCEPT, Types.INBOUND_EXCEPT)),
                settings.list(Setting.DNS_SERVERS, Types.DNS_SERVER),
                new ZoneReader(settings, nodes, types, problems).read(document.get("zones")),
                settings.list(Setting.INTERFACES_EXCEPT, Types.INTERFACE),
                settings.list(Setting.INTERFACES_OUTBOUND, Types.INTERFACE));
    }

    private PlanDraft.EnvoyDraft envoy() {
        return new PlanDraft.EnvoyDraft(
                settings.list(Setting.ENVOY_USER, Types.USER),
                settings.list(Setting.ENVOY_GROUP, Types.GROUP),
                required(Setting.ENVOY_OUTBOUND, Types.PORT),
                settings.one(Setting.ENVOY_INBOUND, Types.PORT),
                settings.one(Setting.ENVOY_DNS, Types.PORT),
                settings.one(Setting.ENVOY_ADMIN, Types.HOST_PORT));
    }

    private <E extends Enum<E>> Placed<E> choice(Setting setting, E[] choices) {
        return required(setting, Types.choice(setting.key(), choices));
    }

    /** What is given, or the setting's default. */
    private <T> Placed<T> required(Setting setting, ValueType<T> type) {
        Placed<T> given = settings.one(setting, type);
        if (given != null) {
            return given;
        }
        String text = setting.defaultText();
        try {
            return new Placed<>(type.parse(text == null ? "" : text, Origin.DEFAULT), Origin.DEFAULT);
        } catch (BadValue bad) {
            throw new IllegalStateException("default of " + setting, bad);
        }
    }

    private List<ServiceDraft> services(ServiceFlags serviceFlags) {
        ServiceDraft described = serviceFlags.read();
        Section.Entry entry = document.get("services");
        List<ServiceDraft> services = new ArrayList<>();
        boolean unreadable = document.isUnreadable();
        if (entry != null) {
            Section section = nodes.section(entry.path(), entry.value());
            unreadable = section == null;
            if (section != null) {
                services.addAll(new ServiceReader(settings, nodes, types, problems).read(section));
            }
        } else if (document.isReadable() && !serviceFlags.isGiven() && !capturesWithoutServices()) {
            problems.add(
                    document.origin(),
                    "the plan has no services",
                    "write services: with at least one, or services: {} to capture none");
        }
        if (described == null) {
            if (!serviceFlags.isGiven()) {
                refuseNothing();
            }
            return services;
        }
        for (int i = 0; i < services.size(); i++) {
            if (services.get(i).name().value().equals(described.name().value())) {
                services.set(i, services.get(i).overriddenBy(described));
                if (!ServiceFlags.describes(described)) {
                    problems.note(
                            "service " + BadValue.quote(described.name().value().value())
                                    + " is named, but no flag changes it; "
                                    + described.name().origin());
                }
                return services;
            }
        }
        if (!services.isEmpty() && !serviceFlags.isNamed()) {
            problems.add(
                    described.name().origin(),
                    "it is not said which service this is about, and the plan has services of its own",
                    "name it with --service, such as --service "
                            + services.getFirst().name().value() + ", or write it into the plan");
        } else if (!services.isEmpty()) {
            // a new one of a mistyped name would capture what nobody meant
            List<String> names = services.stream()
                    .map(service -> service.name().value().value())
                    .toList();
            String name = described.name().value().value();
            problems.add(
                    described.name().origin(),
                    "service " + BadValue.quote(name) + " is not in the plan",
                    EditDistance.mend(
                            name, names, "name one of: " + String.join(", ", names) + "; or write it into the plan"));
        } else if (ServiceFlags.describes(described)) {
            services.add(described);
        } else if (!unreadable) {
            problems.add(
                    described.name().origin(),
                    "service " + BadValue.quote(described.name().value().value())
                            + " is not in the plan, and nothing says what it captures",
                    "add --to any, or another of what describes a service");
        }
        return services;
    }

    /** Without a plan, something has to say what is wanted: everything is too much to guess. */
    private void refuseNothing() {
        if (!document.given() && !capturesWithoutServices()) {
            problems.add(
                    document.origin(),
                    "there is no plan, and no flag says what is captured",
                    "name a plan with -f, or write --to any or set MESHCAPTURE_TO=any, or another of what describes a service");
        }
    }

    /** What arrives, and DNS, are the plan's and no service's. */
    private boolean capturesWithoutServices() {
        return settings.winner(Setting.ENVOY_INBOUND) != null || settings.winner(Setting.ENVOY_DNS) != null;
    }
}
