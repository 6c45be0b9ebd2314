package io.meshcapture.verbs;

import io.meshcapture.backend.hosts.HostsEditor;
import io.meshcapture.backend.hosts.HostsFindings;
import io.meshcapture.failure.Failure;
import io.meshcapture.plan.Choices;
import io.meshcapture.plan.Plan;
import io.meshcapture.plan.ServiceName;
import io.meshcapture.system.EditedFile;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;

/**
 * What {@code apply} does to the hosts file, around what it does to netfilter: names are put in force when the rules stand
 * that their connections need.
 */
final class HostsApply {
    private final Plan plan;
    private final Path hosts;
    private final Place place;
    private final Apply.Request request;

    private HostsApply(Plan plan, Path hosts, Place place, Apply.Request request) {
        this.plan = plan;
        this.hosts = hosts;
        this.place = place;
        this.request = request;
    }

    /**
     * Applies both parts of a plan.
     *
     * @param part which of them are concerned
     * @param netfilter applies the other part, for good or on trial
     */
    static Apply.Outcome around(Plan plan, Place place, Apply.Request request, HostsPart part, Netfilter netfilter)
            throws Exception {
        if (part.isNothing()) {
            return nothing(List.of("names stand elsewhere, and Envoy listens on their addresses itself"
                    + " (hosts-ports: listeners), so there is nothing to apply"));
        }
        if (part.hosts() == null) {
            return netfilter.apply(request.trial(), false);
        }
        HostsApply apply = new HostsApply(plan, part.hosts(), place, request);
        Netfilter others = part.asksNetfilter() ? netfilter : NOTHING;
        return request.dryRun() ? apply.dryRun(others) : apply.apply(others);
    }

    /** The other part. */
    interface Netfilter {
        /**
         * Applies it.
         *
         * @param trial how long it lasts unless it is confirmed, or null for good
         * @param guarded whether somebody stands by already to end that
         */
        Apply.Outcome apply(@Nullable Duration trial, boolean guarded) throws Exception;

        /** Brings back what stood before, as far as anything was changed. */
        void undo() throws Exception;
    }

    /** There is no other part. */
    private static final Netfilter NOTHING = new Netfilter() {
        @Override
        public Apply.Outcome apply(@Nullable Duration trial, boolean guarded) {
            return nothing(List.of());
        }

        @Override
        public void undo() {
            // nothing was done
        }
    };

    private static Apply.Outcome nothing(List<String> notes) {
        return new Apply.Outcome(
                false,
                false,
                List.of(),
                List.of(),
                List.of(),
                0,
                false,
                false,
                false,
                false,
                Choices.Ipv6.CAPTURE,
                "hosts",
                "the plan captures by name alone",
                List.of(),
                null,
                List.of(),
                notes);
    }

    private Apply.Outcome dryRun(Netfilter others) throws Exception {
        HostsFindings standing = HostsReading.now(hosts);
        HostsWanted wanted = HostsWanted.of(plan, request.services(), standing);
        List<HostsFindings.Difference> inTheWay = standing.inTheWay(wanted.lines());
        List<String> notes =
                new ArrayList<>(standing.notes().stream().map(this::said).toList());
        notes.addAll(HostsPorts.reached(plan, place, wanted).notesOrRefusal());
        notes.addAll(OtherReaders.notes(place, wanted));
        if (!inTheWay.isEmpty()) {
            notes.add("apply would refuse, because " + inTheWay.size() + " line(s) stand in the way");
        }
        return merged(others.apply(request.trial(), false), standing, clearable(standing), wanted, false, notes);
    }

    /** Comments of ours that an apply takes out: not while somebody is seen who keeps the file open to write. */
    private List<HostsFindings.Difference> clearable(HostsFindings standing) {
        try {
            return standing.comments() > 0 && EditedFile.writerOf(hosts) == null ? standing.leftovers() : List.of();
        } catch (IOException e) {
            return List.of(); // it is gone meanwhile
        }
    }

    private String said(String note) {
        return hosts + ": " + note;
    }

    private Apply.Outcome apply(Netfilter others) throws Exception {
        try (HostsEditor editor = HostsEditor.open(hosts, place.stateDirectory(), place.lockTimeout())) {
            List<String> trials = new ArrayList<>(NamesOnTrial.endIfOverdue(place, editor));
            HostsFindings standing = editor.standing();
            HostsWanted wanted = HostsWanted.of(plan, request.services(), standing);
            HostsText.refuse(hosts, standing.inTheWay(wanted.lines()));
            List<String> ports = HostsPorts.reached(plan, place, wanted).notesOrRefusal();
            int differences = standing.differences(wanted.lines(), wanted.among(request.services(), standing))
                    .size();
            boolean tried = NamesOnTrial.isToBegin(editor, request.trial(), differences);
            Apply.Outcome outcome = tried && request.trial() != null
                    ? NamesOnTrial.begin(place, editor, request.trial(), others, trials)
                    : others.apply(request.trial(), false);
            try {
                editor.bring(wanted.lines());
                if (request.services().isEmpty()) {
                    editor.release(service -> !wanted.lines().containsKey(service));
                }
            } catch (Exception e) {
                if (differences > 0) { // else nothing was begun that could be half done
                    undo(editor, standing, tried, others, e);
                }
                throw e;
            }
            List<String> notes = new ArrayList<>(trials);
            notes.addAll(editor.notes());
            notes.addAll(ports);
            if (!editor.path().equals(hosts)) {
                notes.add(hosts + " is a link; " + editor.path() + " was edited");
            }
            HostsFindings now = editor.standing();
            now.notes().forEach(note -> notes.add(said(note)));
            notes.addAll(OtherReaders.notes(place, wanted));
            notes.addAll(OtherReaders.stale(place, standing, now));
            Apply.Outcome merged = merged(outcome, standing, List.of(), wanted, tried, notes);
            if (!merged.added().isEmpty() || !merged.updated().isEmpty()) {
                merged.notes().addAll(Reloading.notes(plan));
            }
            return merged;
        }
    }

    /** Names first: none may lead to an address that nobody serves any more. */
    private void undo(HostsEditor editor, HostsFindings before, boolean tried, Netfilter others, Exception because) {
        try {
            if (tried) {
                NamesOnTrial.abort(place, editor, others);
            } else {
                editor.bringBack(before.inForce());
                others.undo();
            }
        } catch (Exception e) {
            because.addSuppressed(e);
            throw new Failure.Conflict(
                    "the plan could neither be put in force whole nor be undone",
                    Failure.withoutMend(because) + "; then " + Failure.withoutMend(e),
                    "mend the cause, then run: meshcapture "
                            + (tried ? "rollback --trial, which is done at the end of its time too" : "apply"));
        }
    }

    private Apply.Outcome merged(
            Apply.Outcome other,
            HostsFindings standing,
            List<HostsFindings.Difference> leftovers,
            HostsWanted wanted,
            boolean tried,
            List<String> notes) {
        Set<ServiceName> among = wanted.among(request.services(), standing);
        List<HostsFindings.Difference> found = standing.differences(wanted.lines(), among);
        TreeSet<String> added = new TreeSet<>(other.added());
        TreeSet<String> updated = new TreeSet<>(other.updated());
        TreeSet<String> removed = new TreeSet<>(other.removed());

        Set<ServiceName> stands = standing.services();
        int stand = stands.size();
        Set<ServiceName> differing = new HashSet<>();
        for (HostsFindings.Difference one : found) {
            if (one.service() != null) {
                differing.add(one.service());
            }
        }
        Set<Integer> lines = new HashSet<>();
        found.forEach(one -> lines.add(one.line()));
        leftovers.stream().filter(one -> lines.add(one.line())).forEach(found::add);
        for (ServiceName service : among) {
            boolean stood = stands.contains(service);
            boolean differs = differing.contains(service);
            if (!wanted.lines().containsKey(service)) {
                removed.add(service.value());
                stand--;
            } else if (!stood) {
                added.add(service.value());
                stand++;
            } else if (differs) {
                updated.add(service.value());
            }
        }
        added.removeAll(updated); // captured already, by one of its two halves
        List<Difference> differences = new ArrayList<>(other.differences());
        differences.addAll(HostsText.differences(hosts, found));
        List<String> all = new ArrayList<>(other.notes());
        all.addAll(notes);
        boolean redirected = HostsPorts.areRedirected(plan);
        return new Apply.Outcome(
                other.changed() || !found.isEmpty(),
                other.asked(),
                List.copyOf(added),
                List.copyOf(updated),
                List.copyOf(removed),
                other.captured() + (redirected ? 0 : stand),
                other.inboundBefore(),
                other.inbound(),
                other.dnsBefore(),
                other.dns(),
                other.ipv6(),
                other.backend(),
                other.whyBackend() + "; " + HostsPorts.chosen(plan, redirected),
                differences,
                tried ? request.trial() : other.trial(),
                other.probes(),
                all);
    }
}
