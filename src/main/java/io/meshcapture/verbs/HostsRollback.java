package io.meshcapture.verbs;

import io.meshcapture.backend.hosts.HostsEditor;
import io.meshcapture.backend.hosts.HostsFindings;
import io.meshcapture.failure.Failure;
import io.meshcapture.plan.ServiceName;
import io.meshcapture.system.Privileges;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.Callable;

/**
 * What {@code rollback} does to the hosts file, before what it does to netfilter: no name may lead to an address that nobody
 * serves.
 */
final class HostsRollback {
    private HostsRollback() {}

    /**
     * Rolls back both.
     *
     * @param netfilter rolls back the other part
     */
    static Rollback.Outcome around(Place place, Rollback.Request request, Callable<Rollback.Outcome> netfilter)
            throws Exception {
        if (request.trial()) {
            return NamesOnTrial.end(place, netfilter);
        }
        Path hosts = HostsPart.withLines(place);
        if (hosts == null) {
            return netfilter.call();
        }
        Set<ServiceName> named = request.services();
        try (HostsEditor editor = HostsEditor.open(hosts, place.stateDirectory(), place.lockTimeout())) {
            List<String> notes = new ArrayList<>(NamesOnTrial.endIfOverdue(place, editor));
            HostsFindings before = editor.standing();
            TreeSet<String> removed = new TreeSet<>();
            TreeSet<String> remaining = new TreeSet<>();
            for (ServiceName service : before.services()) {
                (named.isEmpty() || named.contains(service) ? removed : remaining).add(service.value());
            }
            if (named.isEmpty()) {
                editor.trials().forget();
            } else {
                editor.trials().leaveOut(named::contains);
            }
            editor.release(service -> named.isEmpty() || named.contains(service));
            boolean namesAlone = !named.isEmpty() && named.stream().allMatch(one -> removed.contains(one.value()));
            Rollback.Outcome other = Privileges.isNetAdmin() || !(namesAlone || named.isEmpty())
                    ? others(netfilter, removed)
                    : nothing("netfilter was not looked at, since the privilege CAP_NET_ADMIN is missing");
            if (named.isEmpty()) {
                NamesOnTrial.forget(place, editor); // whoever stands by goes last: the other part may be refused
            }
            HostsFindings now = editor.standing();
            notes.addAll(OtherReaders.stale(place, before, now));
            List<HostsFindings.Difference> edited = new ArrayList<>(now.edited());
            edited.removeIf(one -> !named.isEmpty() && (one.service() == null || !named.contains(one.service())));
            if (!edited.isEmpty()) {
                throw HostsText.kept(hosts, edited);
            }
            notes.addAll(editor.notes());
            return merged(other, removed, remaining, notes, !removed.isEmpty());
        }
    }

    /** Without netfilter there is nothing of ours in it. */
    static Rollback.Outcome others(Callable<Rollback.Outcome> netfilter, Set<String> removed) throws Exception {
        try {
            return netfilter.call();
        } catch (Failure.Unavailable e) {
            if (removed.isEmpty()) {
                throw e;
            }
            return nothing("netfilter could not be looked at: " + e.getMessage());
        }
    }

    static Rollback.Outcome nothing(String note) {
        return new Rollback.Outcome(
                List.of(), List.of(), List.of(), List.of(), 0, 0, false, false, false, List.of(note));
    }

    static Rollback.Outcome merged(
            Rollback.Outcome other, Set<String> removed, Set<String> remaining, List<String> notes, boolean changed) {
        TreeSet<String> allRemoved = new TreeSet<>(other.removed());
        allRemoved.addAll(removed);
        TreeSet<String> allRemaining = new TreeSet<>(other.remaining());
        allRemaining.addAll(remaining);
        List<String> unknown =
                other.unknown().stream().filter(name -> !removed.contains(name)).toList();
        List<String> said = new ArrayList<>(other.notes());
        said.addAll(notes);
        return new Rollback.Outcome(
                List.copyOf(allRemoved),
                unknown,
                List.copyOf(allRemaining),
                other.drained(),
                other.cut(),
                other.uncut(),
                other.changed() || changed,
                other.inbound(),
                other.dns(),
                said);
    }
}
