package io.meshcapture.config;

import io.meshcapture.failure.Failure;
import io.meshcapture.failure.Problem;
import io.meshcapture.plan.BadValue;
import io.meshcapture.plan.Origin;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;

/** Everything that was found while reading: problems, which end it, and notes, which do not. */
final class Problems {

    private record Found(Origin origin, Problem problem) {}

    private final List<Found> found = new ArrayList<>();
    private final Set<Problem> seen = new HashSet<>();
    private final Set<String> notes = new LinkedHashSet<>();

    void add(Origin origin, String what, String mend) {
        Problem problem = new Problem(what, origin.toString(), mend);
        // what stands below an anchor is read once for every alias, and is wrong once
        if (seen.add(problem)) {
            found.add(new Found(origin, problem));
        }
    }

    void add(Origin origin, BadValue bad) {
        add(origin, bad.what(), bad.mend());
    }

    /** Something odd that has a meaning all the same: one line, the finding before its place. */
    void note(String note) {
        notes.add(note);
    }

    boolean any() {
        return !found.isEmpty();
    }

    List<String> notes() {
        return List.copyOf(notes);
    }

    /** Throws all problems: flags first, then the environment, then the plan from top to bottom. */
    void throwIfAny() {
        if (found.isEmpty()) {
            return;
        }
        found.sort((a, b) -> compare(a.origin(), b.origin()));
        List<Problem> problems = new ArrayList<>(found.size());
        for (Found one : found) {
            problems.add(one.problem());
        }
        throw new Failure.Invalid(problems);
    }

    private static int compare(Origin a, Origin b) {
        int bySource = Integer.compare(rank(a), rank(b));
        if (bySource != 0) {
            return bySource;
        }
        int byLine = Integer.compare(a.line(), b.line());
        return byLine != 0 ? byLine : Integer.compare(a.column(), b.column());
    }

    private static int rank(Origin origin) {
        if (origin.line() > 0) {
            return 3;
        }
        if (origin.source().startsWith("--")) {
            return 0;
        }
        return origin.source().startsWith(Environment.PREFIX) ? 1 : 2;
    }
}
