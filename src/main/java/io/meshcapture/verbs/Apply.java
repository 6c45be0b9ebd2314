package io.meshcapture.verbs;

import io.meshcapture.plan.Choices;
import io.meshcapture.plan.Plan;
import io.meshcapture.plan.ServiceName;
import io.meshcapture.probe.Probe;
import java.time.Duration;
import java.util.List;
import java.util.Set;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;

/** Makes the live state match the plan. */
public final class Apply {

    /**
     * What is asked.
     *
     * @param services the services to apply, or empty for all; with all, services that the plan no longer has are removed
     * @param dryRun whether to compare only
     * @param waitEnvoy how long to wait for Envoy first, or null for not at all
     * @param drain how long captured connections may go on where nothing stays captured
     * @param trial how long the change lasts unless it is confirmed, or null for good
     * @param probe whether it is undone where real connections do not go where they should
     * @param besideOtherMesh whether another mesh's capture may stand here
     */
    public record Request(
            Set<ServiceName> services,
            boolean dryRun,
            @Nullable Duration waitEnvoy,
            Duration drain,
            @Nullable Duration trial,
            boolean probe,
            boolean besideOtherMesh) {
        public Request {
            services = Set.copyOf(services);
        }

        Request lasting(@Nullable Duration other) {
            return new Request(services, dryRun, waitEnvoy, drain, other, probe, besideOtherMesh);
        }

        /** Likewise, on trial. */
        Request onTrial(Duration time) {
            return new Request(services, dryRun, waitEnvoy, drain, time, probe, besideOtherMesh);
        }
    }

    /**
     * What was done, or would be.
     *
     * @param changed whether anything differs
     * @param asked whether the plan asks for what was not asked for before, beside its services: another backend, or udp443
     * @param added services that were not captured before
     * @param updated services whose capture changed
     * @param removed services that are captured no longer
     * @param captured how many services are captured afterwards
     * @param inboundBefore whether connections to this host were captured before
     * @param inbound whether they are afterwards
     * @param dnsBefore whether DNS was captured before
     * @param dns whether it is afterwards
     * @param ipv6 what happens to IPv6
     * @param backend the backend that capture is written in
     * @param whyBackend why it is that one
     * @param differences every difference, in the ruleset's words
     * @param trial how long what is in force lasts unless it is confirmed, or null for good
     * @param probes what real connections showed, if any were asked for
     * @param notes what the user should know
     */
    public record Outcome(
            boolean changed,
            boolean asked,
            List<String> added,
            List<String> updated,
            List<String> removed,
            int captured,
            boolean inboundBefore,
            boolean inbound,
            boolean dnsBefore,
            boolean dns,
            Choices.Ipv6 ipv6,
            String backend,
            String whyBackend,
            List<Difference> differences,
            @Nullable Duration trial,
            List<Probe.Verdict> probes,
            List<String> notes) {

        Outcome verified(@Nullable Duration left, List<Probe.Verdict> verdicts, List<String> said) {
            return new Outcome(
                    changed,
                    asked,
                    added,
                    updated,
                    removed,
                    captured,
                    inboundBefore,
                    inbound,
                    dnsBefore,
                    dns,
                    ipv6,
                    backend,
                    whyBackend,
                    differences,
                    left,
                    verdicts,
                    said);
        }
    }

    private Apply() {}

    public static Outcome run(Plan plan, Place place, Request request, Progress progress) throws Exception {
        boolean captures = !plan.services().isEmpty() || plan.inbound() != null || plan.dns() != null;
        return request.probe() && !request.dryRun() && captures
                ? ProbedApply.run(plan, place, request, progress)
                : applied(plan, place, request, progress);
    }

    /** Without a look at whether it does what it should. */
    static Outcome applied(Plan plan, Place place, Request request, Progress progress) throws Exception {
        if (!request.dryRun() && HostsWanted.isAskedBy(plan)) {
            HostsCopy.bring(place);
        }
        HostsPart part = HostsPart.of(plan, place, request.services());
        if (!request.dryRun() && request.waitEnvoy() != null) {
            awaitEnvoy(plan, place, part, request, request.waitEnvoy(), progress);
        }
        return HostsApply.around(plan, place, request, part, new AppliedRules(plan, place, request, progress));
    }

    /** Only for the services that are to be applied; before there is a lock, or a trial whose time would pass. */
    private static void awaitEnvoy(
            Plan plan, Place place, HostsPart part, Request request, Duration limit, Progress progress)
            throws Exception {
        Plan named = Wanted.selected(plan, request.services());
        Callable<Boolean> waiting = () -> {
            Supported.require(named);
            EnvoyReadiness.await(named, HostsPorts.missing(plan, place, request.services()), limit, progress);
            return true;
        };
        if (part.asksNetfilter()) {
            place.mayChange(waiting);
        } else {
            place.there(waiting);
        }
    }
}
