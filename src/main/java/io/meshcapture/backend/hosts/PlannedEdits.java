package io.meshcapture.backend.hosts;

import io.meshcapture.plan.ServiceName;
import io.meshcapture.rules.Fnv;
import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;

/**
 * Edits for a file as it stands, with the journal by which they can be undone or finished. Pure.
 *
 * @param edits in their order
 * @param journal to be on the disk before the first of them
 */
record PlannedEdits(List<Edit> edits, Journal journal) {

    /** Which lines of a file are meant. */
    interface Choice {
        Predicate<HostsFile.Tagged> among(HostsFile now);
    }

    /** Plans for a content; null where nothing is to be done. */
    interface Planner {
        @Nullable
        PlannedEdits plan(String content);
    }

    /** What was not put in force, or no longer is: nothing beyond what every removal takes. */
    static final Choice LEFTOVERS = _ -> _ -> false;

    /**
     * What brings lines in that do not stand; first, what an interrupted change left comes off.
     *
     * @param identity of the file
     * @param leaves whether comments stay, since they cannot come off now
     */
    static @Nullable PlannedEdits addition(
            String identity, String content, Map<ServiceName, ? extends Collection<OwnLine>> wanted, boolean leaves) {
        PlannedEdits leftovers = removal(identity, content, LEFTOVERS, leaves);
        if (leftovers != null) {
            return leftovers;
        }
        HostsFile now = HostsFile.parse(content);
        List<OwnLine> missing = new ArrayList<>();
        wanted.forEach((service, lines) -> {
            Set<OwnLine> stand = now.live(service);
            lines.stream().filter(line -> !stand.contains(line)).forEach(missing::add);
        });
        if (missing.isEmpty()) {
            return null;
        }
        PlannedEdits revival = leaves ? revival(identity, now, missing) : null;
        if (revival != null) {
            return revival;
        }
        String appendix = Addition.appendix(content, missing);
        return new PlannedEdits(
                Addition.of(content, missing),
                new Journal.Addition(identity, content.length(), Fnv.hash(content), appendix));
    }

    /**
     * What puts comments of ours in force that stay for now, so that there are not more of them with every change; null
     * where one of the lines is none yet: they come in together.
     */
    private static @Nullable PlannedEdits revival(String identity, HostsFile now, List<OwnLine> missing) {
        Map<OwnLine, HostsFile.Tagged> comments = new LinkedHashMap<>(); // in the order of the file
        for (HostsFile.Tagged line : now.tagged(HostsFile.Kind.INERT)) {
            if (line.line() != null) {
                comments.putIfAbsent(line.line(), line);
            }
        }
        if (!comments.keySet().containsAll(missing)) {
            return null;
        }
        comments.keySet().retainAll(Set.copyOf(missing));
        List<Range> ranges = new ArrayList<>();
        List<Edit> flips = new ArrayList<>();
        Image inForce = new Image(now.content());
        comments.forEach((line, comment) -> {
            Edit flip = new Edit.Put(comment.start(), String.valueOf(line.first()));
            inForce.take(flip);
            flips.add(flip);
            ranges.add(new Range(comment.start(), comment.end()));
        });
        List<Edit> edits = new ArrayList<>(flips.reversed());
        edits.add(new Edit.Sync());
        return new PlannedEdits(
                edits, new Journal.Revival(new Journal.Removal(identity, inForce.toString(), ranges, false)));
    }

    /**
     * What takes lines off; those that are comments already go too.
     *
     * @param leaves whether comments stay, since they cannot come off now
     */
    static @Nullable PlannedEdits removal(String identity, String content, Choice some, boolean leaves) {
        HostsFile now = HostsFile.parse(content);
        Predicate<HostsFile.Tagged> chosen = some.among(now);
        if (leaves && now.tagged(HostsFile.Kind.LIVE).stream().noneMatch(chosen)) {
            return null;
        }
        List<Range> off = now.ranges(line -> line.kind() == HostsFile.Kind.INERT || chosen.test(line));
        if (off.isEmpty()) {
            return null;
        }
        boolean newlineToo = now.takesNewlineBack(off);
        return new PlannedEdits(
                Removal.of(content, off, newlineToo), new Journal.Removal(identity, content, off, newlineToo));
    }
}
