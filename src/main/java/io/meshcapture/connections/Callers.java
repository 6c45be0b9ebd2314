package io.meshcapture.connections;

import io.meshcapture.rules.Caller;
import io.meshcapture.rules.Decision;
import io.meshcapture.rules.Entry;
import io.meshcapture.rules.Step;
import io.meshcapture.system.ControlGroups;
import io.meshcapture.system.Processes;
import io.meshcapture.system.SocketTable.Open;
import io.meshcapture.system.UserNumbers;
import java.util.Collection;
import java.util.HashSet;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Who opened a socket, as a decision asks for it. The user stands in the socket. The group does not, and is looked up in
 * /proc only where a decision asks for one; the control group likewise, in the tree of groups.
 */
public final class Callers {

    /** A group that nobody has, for decisions that ask for none. */
    private static final long NO_GROUP = 0xffffffffL;

    private final @Nullable UserNumbers numbers;
    private final boolean asksForGroups;
    private final Map<Long, Long> groups;
    private final Map<Long, String> cgroups;

    private Callers(
            @Nullable UserNumbers numbers, boolean asksForGroups, Map<Long, Long> groups, Map<Long, String> cgroups) {
        this.numbers = numbers;
        this.asksForGroups = asksForGroups;
        this.groups = groups;
        this.cgroups = cgroups;
    }

    /** Looks up what a decision asks for, once for all sockets. */
    public static Callers of(Decision decision, Collection<Open> sockets) {
        return of(decision, sockets, false);
    }

    /** Likewise for connections that were captured, which therefore are not Envoy's. */
    static Callers ofCaptured(Decision decision, Collection<Open> sockets) {
        return of(decision, sockets, true);
    }

    private static Callers of(Decision decision, Collection<Open> sockets, boolean areCaptured) {
        boolean asksForGroups = false;
        Set<String> paths = new HashSet<>();
        for (Step step : decision.steps()) {
            if (step instanceof Step.EnvoyGroups envoy) {
                asksForGroups |= !envoy.gids().isEmpty() && !areCaptured;
            } else if (step instanceof Step.Lookup lookup) {
                for (Entry entry : lookup.entries()) {
                    asksForGroups |= entry.caller().gid() != null;
                    if (entry.caller().cgroup() != null) {
                        paths.add(entry.caller().cgroup());
                    }
                }
            }
        }
        Set<Long> inodes = new HashSet<>();
        Set<Long> ids = new HashSet<>();
        for (Open socket : sockets) {
            inodes.add(socket.inode());
            ids.add(socket.cgroup());
        }
        inodes.remove(0L);
        return new Callers(
                UserNumbers.ofThisNamespace(),
                asksForGroups,
                asksForGroups ? Processes.groupsOfSockets(inodes) : Map.of(),
                paths.isEmpty() ? Map.of() : ControlGroups.paths(paths, ids));
    }

    /**
     * The caller, with the numbers of the network namespace, or null where it cannot be told: its process has closed the
     * socket already or is not visible from here, or those numbers are not known.
     */
    public @Nullable Caller of(Open socket) {
        Long gid = asksForGroups ? groups.get(socket.inode()) : Long.valueOf(NO_GROUP);
        if (numbers == null || socket.inode() == 0 || gid == null) {
            return null;
        }
        return new Caller(
                numbers.user(socket.uid()),
                asksForGroups ? numbers.group(gid) : NO_GROUP,
                cgroups.get(socket.cgroup()));
    }
}
