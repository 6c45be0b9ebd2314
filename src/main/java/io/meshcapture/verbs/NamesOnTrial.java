package io.meshcapture.verbs;

import io.meshcapture.backend.hosts.HostsEditor;
import io.meshcapture.backend.hosts.HostsFindings;
import io.meshcapture.backend.hosts.HostsTrial;
import io.meshcapture.failure.Failure;
import io.meshcapture.plan.ServiceName;
import io.meshcapture.system.EditedFile;
import io.meshcapture.system.Privileges;
import io.meshcapture.system.TrialGuard;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.SortedSet;
import java.util.TreeSet;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;

/**
 * What a trial means for names: somebody stands by to take them off, and the rules that their connections need are on trial
 * a little longer, so that no name leads to where nobody takes it.
 */
final class NamesOnTrial {
    /** Longer than it takes to start a program and edit a file on a busy machine. */
    private static final Duration LONGER = Duration.ofSeconds(3);

    private NamesOnTrial() {}

    /**
     * Whether what is to be applied begins a trial of names, or prolongs it.
     *
     * @param trial how long it is to last, or null for good
     * @param differences between the names that stand and those that should
     * @throws Failure.Conflict where another one runs
     */
    static boolean isToBegin(HostsEditor editor, @Nullable Duration trial, int differences)
            throws InterruptedException {
        HostsTrial running = editor.trials().current();
        if (running != null && running.before().equals(editor.standing().inForce())) {
            editor.trials().forget(); // of a run that was killed before any name was in force
            running = null;
        }
        if (running != null && trial == null) {
            throw Trials.running(running.left());
        }
        if (running != null && differences > 0) {
            throw Trials.other(running.left(), differences);
        }
        return trial != null && (running != null || differences > 0);
    }

    /** Begins it and applies the other part; where that fails, there is no trial. */
    static Apply.Outcome begin(
            Place place, HostsEditor editor, Duration trial, HostsApply.Netfilter others, List<String> notes)
            throws Exception {
        if (EditedFile.rootOfProcess(editor.path()) != null) {
            throw new Failure.Unavailable(
                    "names of another process's hosts file cannot be put on trial",
                    "its pid may be another process's when the time is over",
                    "apply it without --confirm-within and --probe, or run meshcapture where the process runs");
        }
        Duration ofRules = trial.plus(LONGER);
        if (editor.trials().current() != null) {
            Apply.Outcome outcome =
                    others.apply(ofRules, true); // first: it may be refused, and the trial goes on as it was
            remember(place, editor, trial, notes);
            return outcome;
        }
        try {
            remember(place, editor, trial, notes);
            return others.apply(ofRules, true);
        } catch (Exception e) {
            forget(place, editor);
            standByForRules(place);
            throw e;
        }
    }

    /** Undoes what was begun, because the names could not be put in force. A trial of rules that ran before goes on. */
    static void abort(Place place, HostsEditor editor, HostsApply.Netfilter others) throws Exception {
        editor.trials().end();
        others.undo();
        forget(place, editor); // and not before: the other part may be refused
        standByForRules(place);
    }

    /** Whoever did so for an earlier trial of rules was sent away for this one. */
    private static void standByForRules(Place place) throws Exception {
        Optional<Duration> left = Privileges.isNetAdmin()
                ? Rollback.trialOfRules(place, backend -> !backend.holdsTrials())
                : Optional.empty();
        if (left.filter(Duration::isPositive).isPresent()) {
            place.there(() -> TrialGuard.set(left.get(), place.rulesAlone()));
        }
    }

    private static void remember(Place place, HostsEditor editor, Duration trial, List<String> notes) throws Exception {
        List<String> where = place.options();
        if (place.namespace() != null) {
            where.addAll(List.of("--netns", place.namespace()));
        }
        notes.add(Trials.standingBy("names", place.there(() -> TrialGuard.set(trial, where)))
                + ", also after a restart of this machine");
        editor.trials().begin(trial);
    }

    /** Ends one whose time is over, and says so. */
    static List<String> endIfOverdue(Place place, HostsEditor editor) throws Exception {
        HostsTrial trial = editor.trials().current();
        if (trial == null || !trial.isOverdue()) {
            return List.of();
        }
        editor.trials().end();
        awaitRules(place);
        return List.of(Trials.ENDED);
    }

    /** The kernel, or the command that is to come, ends the other part; its time is over a little later. */
    private static void awaitRules(Place place) throws Exception {
        if (Privileges.isNetAdmin()) {
            Duration left = Rollback.trialOfRules(place).orElse(Duration.ZERO);
            if (left.compareTo(LONGER) <= 0) {
                Thread.sleep(left);
            }
        }
    }

    /** What stands now stands for good; nobody has to stand by. */
    static void forget(Place place, HostsEditor editor) throws Exception {
        editor.trials().forget();
        place.there(() -> {
            TrialGuard.dismiss();
            return true;
        });
    }

    /** What is left of the one that has neither been confirmed nor ended; empty where there is none. */
    static Optional<Duration> left(Place place) {
        Path hosts = withTrial(place);
        HostsTrial trial = hosts == null ? null : HostsTrial.of(hosts, place.stateDirectory());
        return trial == null ? Optional.empty() : Optional.of(trial.left());
    }

    /** The hosts file where there is one; null where there is none. */
    static @Nullable Path withTrial(Place place) {
        try {
            Path hosts = place.hosts();
            return HostsTrial.of(hosts, place.stateDirectory()) == null ? null : hosts;
        } catch (Failure.Unavailable e) {
            return null; // whose names nobody edits from here
        }
    }

    /**
     * Confirms both parts.
     *
     * @param netfilter confirms the other part
     * @throws Failure.Conflict where its time is over
     */
    static Confirm.Outcome confirm(Place place, Callable<Confirm.Outcome> netfilter) throws Exception {
        Path hosts = withTrial(place);
        if (hosts == null) {
            return netfilter.call();
        }
        try (HostsEditor editor = HostsEditor.open(hosts, place.stateDirectory(), place.lockTimeout())) {
            if (editor.trials().current() == null) {
                return netfilter.call();
            }
            if (!endIfOverdue(place, editor).isEmpty()) {
                throw Trials.over();
            }
            SortedSet<String> services = names(editor.standing().services());
            if (Privileges.isNetAdmin()) {
                services.addAll(ofRules(netfilter));
            }
            forget(place, editor);
            return new Confirm.Outcome(true, List.copyOf(services));
        }
    }

    private static List<String> ofRules(Callable<Confirm.Outcome> netfilter) throws Exception {
        try {
            return netfilter.call().services();
        } catch (Failure.Unavailable e) {
            return List.of(); // where there is no netfilter, nothing is on trial in it
        }
    }

    /**
     * Ends it, and the other part.
     *
     * @param netfilter ends the other part
     */
    static Rollback.Outcome end(Place place, Callable<Rollback.Outcome> netfilter) throws Exception {
        Path hosts = withTrial(place);
        if (hosts == null) {
            return netfilter.call();
        }
        try (HostsEditor editor = HostsEditor.open(hosts, place.stateDirectory(), place.lockTimeout())) {
            HostsTrial trial = editor.trials().current();
            if (trial == null) {
                return netfilter.call();
            }
            HostsFindings tried = editor.standing();
            editor.trials().end();
            SortedSet<String> remaining = names(trial.servicesBefore());
            SortedSet<String> removed = names(tried.services());
            removed.removeAll(remaining);
            Rollback.Outcome other = Privileges.isNetAdmin()
                    ? HostsRollback.others(netfilter, removed)
                    : HostsRollback.nothing(
                            "netfilter was not looked at, since the privilege CAP_NET_ADMIN is missing");
            forget(place, editor); // and not before: the other part may be refused
            List<String> notes = new ArrayList<>(editor.notes());
            notes.addAll(OtherReaders.stale(place, tried, editor.standing()));
            notes.add("the trial was ended; what stood before it is in force again");
            notes.removeAll(other.notes());
            return HostsRollback.merged(other, removed, remaining, notes, true);
        }
    }

    private static SortedSet<String> names(Set<ServiceName> services) {
        TreeSet<String> names = new TreeSet<>();
        services.forEach(service -> names.add(service.value()));
        return names;
    }
}
