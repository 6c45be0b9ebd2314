package io.meshcapture.verbs;

import io.meshcapture.doctor.Finding;
import io.meshcapture.doctor.Topic;
import io.meshcapture.envoy.Admin;
import io.meshcapture.envoy.AdminAddress;
import io.meshcapture.envoy.EnvoyVersion;
import io.meshcapture.envoy.NoAnswer;
import io.meshcapture.failure.Failure;
import io.meshcapture.plan.Choices;
import io.meshcapture.plan.HostPort;
import io.meshcapture.plan.Plan;
import io.meshcapture.rules.Decision;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** Whether this host is one that a plan can be applied to, asked without a privilege. */
final class PlanFit {
    private static final String ENVOY_FIT = "plan.envoy-fit";

    private final List<Finding> findings = new ArrayList<>();

    /** Whether anything is captured already, so that what is missing is missed now. */
    private final boolean captures;

    private PlanFit(boolean captures) {
        this.captures = captures;
    }

    static List<Finding> of(Plan plan, Place place, boolean captures) throws InterruptedException {
        PlanFit fit = new PlanFit(captures);
        try {
            Supported.require(plan);
            Stopped stopped = Stopped.in(plan, Set.of());
            for (Difference gone : stopped.differences()) {
                fit.warn(
                        "plan.stopped",
                        "service " + gone.service() + ": " + gone.where() + " is not running",
                        "it has no control group, so nobody could be captured by it",
                        "start it, then apply");
            }
            fit.compile(stopped.planOfOthers(), place);
            fit.names(plan, place);
        } catch (Failure failure) {
            fit.findings.addAll(Finding.of(Topic.PLAN, "plan.refused", failure));
        }
        return fit.findings;
    }

    private void compile(Plan plan, Place place) throws InterruptedException {
        EnvoyListeners envoy = EnvoyListeners.of(plan);
        NameServers nameServers = NameServers.of(plan, place);
        nameServers.notes().forEach(note -> warn("plan.dns", note, "", ""));
        List<String> notes = new ArrayList<>();
        Choices.Ipv6 ipv6 = Wanted.ipv6(plan, place, envoy, null, notes);
        notes.forEach(note -> warn("plan.ipv6", note, "", ""));
        Decision decision = Wanted.explained(plan, place, ipv6);
        Wanted wanted = new Wanted(decision, ipv6, envoy, List.of());
        listeners(wanted);
        running(EnvoyFit.running(plan, place, EnvoyFit.envoysPorts(decision), envoy), EnvoyFit.transparency(decision));
        version(plan.envoy().admin());
        String exposure = AdminAddress.exposure(plan);
        if (!exposure.isEmpty()) {
            sentence(ENVOY_FIT, exposure, Finding::warning);
        }
        Escaping.from(wanted).notes().forEach(note -> sentence("plan.escapes", note, Finding::warning));
    }

    private void names(Plan plan, Place place) {
        if (HostsWanted.isAskedBy(plan) && !place.isWithoutHostsFile()) {
            OtherReaders.notes(place, HostsWanted.of(plan, Set.of(), HostsReading.now(place.hosts())))
                    .forEach(note -> sentence("plan.names-elsewhere", note, Finding::warning));
        }
    }

    private void listeners(Wanted wanted) {
        MissingListeners missing = wanted.envoy().missing(wanted.ipv6());
        if (!missing.isEmpty()) {
            Kind kind = captures ? Finding::conflict : Finding::warning;
            findings.add(kind.of(
                    Topic.PLAN,
                    "plan.nobody-listens",
                    missing.what(),
                    "captured connections fail until Envoy does",
                    "start Envoy" + missing.privilege() + ", or correct envoy.outbound, envoy.inbound and envoy.dns"));
        }
        StrangersListeners strangers = wanted.listenersOfStrangers();
        if (!strangers.isEmpty()) {
            findings.add(Finding.conflict(
                    Topic.PLAN, "plan.listener-of-stranger", strangers.what(), strangers.warning(), strangers.mend()));
        }
        try {
            wanted.envoy().requireReachable();
            if (wanted.envoy().dns() != null) {
                wanted.envoy().dns().requireAnswerable(wanted.ipv6());
            }
        } catch (Failure.Conflict conflict) {
            findings.addAll(Finding.of(Topic.PLAN, "plan.listener-address", conflict));
        }
    }

    private void running(EnvoyFit fit, List<String> transparency) {
        for (String fault : transparency) {
            sentence(ENVOY_FIT, fault, Finding::conflict);
        }
        fit.faults().forEach(fault -> sentence(ENVOY_FIT, fault, Finding::conflict));
        fit.notes().forEach(note -> sentence(ENVOY_FIT, note, Finding::warning));
    }

    /** What and because up to the last semicolon, and then the mend. */
    private void sentence(String id, String text, Kind kind) {
        int mend = text.lastIndexOf("; ");
        String what = mend < 0 ? text : text.substring(0, mend);
        findings.add(kind.of(Topic.PLAN, id, what, "", mend < 0 ? "" : text.substring(mend + 2)));
    }

    private interface Kind {
        Finding of(Topic topic, String id, String what, String because, String mend, String... commands);
    }

    private void version(@Nullable HostPort admin) {
        try {
            EnvoyVersion version = admin == null ? null : EnvoyVersion.of(new Admin(admin));
            if (version != null && version.isNew()) {
                sentence(ENVOY_FIT, version.remark(), Finding::note);
            }
        } catch (NoAnswer e) {
            // said where the rest is asked
        }
    }

    private void warn(String id, String what, String because, String mend) {
        findings.add(Finding.warning(Topic.PLAN, id, what, because, mend));
    }
}
