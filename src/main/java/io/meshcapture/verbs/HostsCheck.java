package io.meshcapture.verbs;

import io.meshcapture.backend.hosts.HostsFindings;
import io.meshcapture.backend.hosts.HostsTrial;
import io.meshcapture.plan.Plan;
import io.meshcapture.plan.ServiceName;
import io.meshcapture.probe.Probe;
import io.meshcapture.system.FileFacts;
import io.meshcapture.system.NameServiceSwitch;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.Callable;

/** What {@code check} finds in the hosts file, beside what it finds in netfilter. */
final class HostsCheck {
    private HostsCheck() {}

    /**
     * Compares both parts of a plan.
     *
     * @param probes whether names are looked up for a verdict each, and connected to
     * @param netfilter compares the other part
     */
    static Check.Outcome around(
            Plan plan, Place place, Set<ServiceName> selected, boolean probes, Callable<Check.Outcome> netfilter)
            throws Exception {
        HostsPart part = HostsPart.of(plan, place, selected);
        Path hosts = part.hosts();
        Check.Outcome other = part.asksNetfilter()
                ? netfilter.call()
                : new Check.Outcome(
                        List.of(),
                        List.of(),
                        false,
                        List.of(),
                        false,
                        selected.isEmpty() ? plan.services().size() : selected.size(),
                        false,
                        false,
                        List.of(),
                        List.of());
        if (hosts == null) {
            return other;
        }
        HostsFindings standing = HostsReading.settled(
                hosts, now -> differences(plan, selected, now).isEmpty());
        List<Difference> differences = new ArrayList<>(other.differences());
        differences.addAll(HostsText.differences(hosts, differences(plan, selected, standing)));
        if (isStale(hosts)) {
            differences.add(new Difference(
                    null,
                    hosts.toString(),
                    "a stale mount: the file that is mounted here was replaced by another outside",
                    "the file that stands outside; restart the container"));
        }
        List<String> notes = new ArrayList<>(other.notes());
        List<String> faults = new ArrayList<>();
        List<Probe.Verdict> verdicts = new ArrayList<>(other.probes());
        if (HostsWanted.isAskedBy(plan)) {
            NameServiceSwitch names = NameServiceSwitch.below(place.root());
            HostsWanted wanted = HostsWanted.of(plan, selected, standing);
            faults.addAll(HostsPorts.reached(plan, place, wanted).faults());
            notes.addAll(OtherReaders.notes(place, wanted));
            if (names.readsFiles() && (place.namespace() != null || place.hostsFile() != null)) {
                notes.add("names were not looked up, since look-ups here are not those of the programs there");
            } else if (names.readsFiles()) {
                List<HostsLookups.Answer> answers = HostsLookups.answers(wanted.lines(), standing);
                differences.addAll(HostsLookups.differences(answers));
                if (probes) {
                    verdicts.addAll(HostsProbes.of(plan, wanted, answers));
                }
            } else {
                differences.add(new Difference(
                        null,
                        NameServiceSwitch.FILE.toString(),
                        "hosts: " + names.hosts() + ", by which nobody reads " + hosts,
                        "hosts: files dns"));
            }
        }
        if (!part.asksNetfilter()) {
            EnvoyFit fit = place.there(() -> EnvoyFit.running(plan, place, new TreeSet<>(), EnvoyListeners.of(plan)));
            faults.addAll(fit.faults());
            notes.addAll(fit.notes());
        }
        standing.notes().forEach(note -> notes.add(hosts + ": " + note));
        if (standing.comments() > 0) {
            notes.add(hosts + ": " + standing.comments()
                    + " line(s) of ours are comments, which the next apply or rollback takes out");
        }
        HostsTrial trial = HostsTrial.of(hosts, place.stateDirectory());
        if (trial != null) {
            notes.removeIf(Trials::isNote); // of the other part, which ends with this one
            notes.add(trial.isOverdue() ? Trials.OVERDUE : Trials.note(trial.left()));
        }
        if (!standing.holdsOurs()) {
            faults.clear(); // nobody is sent to Envoy by name
        }
        faults.addAll(other.faults());
        return new Check.Outcome(
                differences,
                other.shadows(),
                other.overtakes(),
                faults,
                other.stands() || standing.holdsOurs(),
                other.services(),
                other.inbound(),
                other.dns(),
                verdicts,
                notes);
    }

    private static List<HostsFindings.Difference> differences(
            Plan plan, Set<ServiceName> selected, HostsFindings standing) {
        HostsWanted wanted = HostsWanted.of(plan, selected, standing);
        List<HostsFindings.Difference> found =
                new ArrayList<>(standing.differences(wanted.lines(), wanted.among(selected, standing)));
        if (selected.isEmpty()) {
            for (HostsFindings.Difference edited : standing.edited()) {
                if (found.stream().noneMatch(one -> one.line() == edited.line())) {
                    found.add(edited);
                }
            }
        }
        return found;
    }

    /** Replaced outside by rename: who has it mounted keeps a file without a name. */
    private static boolean isStale(Path hosts) {
        try {
            return FileFacts.of(hosts).links() == 0;
        } catch (IOException e) {
            return false;
        }
    }
}
