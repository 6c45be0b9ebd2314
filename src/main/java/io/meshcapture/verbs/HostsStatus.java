package io.meshcapture.verbs;

import io.meshcapture.backend.hosts.HostsFindings;
import io.meshcapture.backend.hosts.HostsTrial;
import io.meshcapture.system.Privileges;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.Callable;

/** What {@code status} tells of the hosts file, beside what it tells of netfilter. */
final class HostsStatus {
    private static final String BACKEND = "hosts";

    private HostsStatus() {}

    /**
     * Tells both.
     *
     * @param netfilter tells the other part
     */
    static Status.Outcome around(Place place, Callable<Status.Outcome> netfilter) throws Exception {
        Path hosts = HostsPart.withLines(place);
        if (hosts == null) {
            return netfilter.call();
        }
        HostsFindings standing = HostsReading.now(hosts);
        Status.Outcome other = Privileges.isNetAdmin()
                ? netfilter.call()
                : new Status.Outcome(
                        List.of(),
                        null,
                        null,
                        0,
                        0,
                        Map.of(),
                        false,
                        null,
                        "",
                        List.of("netfilter was not looked at, since the privilege CAP_NET_ADMIN is missing"));
        Set<String> named = new HashSet<>();
        standing.services().forEach(name -> named.add(name.value()));
        List<Status.Captured> services = new ArrayList<>();
        for (Status.Captured service : other.services()) {
            boolean both = named.remove(service.name());
            services.add(
                    both
                            ? new Status.Captured(
                                    service.name(),
                                    BACKEND + "+" + service.backend(),
                                    service.since(),
                                    service.version(),
                                    service.captured(),
                                    service.excepted(),
                                    service.rejected(),
                                    service.open(),
                                    service.packets())
                            : service);
        }
        for (String name : named) {
            services.add(new Status.Captured(
                    name,
                    BACKEND,
                    null,
                    "-",
                    Status.UNCOUNTED,
                    Status.UNCOUNTED,
                    Status.UNCOUNTED,
                    Status.UNCOUNTED,
                    Status.UNCOUNTED));
        }
        services.sort((a, b) -> a.name().compareTo(b.name()));
        List<String> notes = new ArrayList<>(other.notes());
        for (HostsFindings.Difference edited : standing.edited()) {
            notes.add(hosts + " line " + edited.line() + " is tagged ours and was edited by hand; rollback leaves it");
        }
        HostsTrial trial = HostsTrial.of(hosts, place.stateDirectory());
        if (trial != null && trial.isOverdue()) {
            notes.add(Trials.OVERDUE);
        }
        return new Status.Outcome(
                services,
                other.inbound(),
                other.dns(),
                other.dnsCaptured(),
                other.quicRejected(),
                other.draining(),
                other.leftover(),
                trial == null ? other.trialLeft() : trial.left(),
                other.backend(),
                notes);
    }
}
