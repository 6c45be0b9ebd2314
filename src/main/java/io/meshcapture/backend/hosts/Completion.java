package io.meshcapture.backend.hosts;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Undoes or finishes what was begun, because others changed the file in its middle, or a run was interrupted. Nothing moves
 * and nothing is cut off while somebody is seen who keeps the file open to write.
 */
final class Completion {

    /** What became of it. */
    enum Outcome {
        DONE,
        /** What is to go is out of force, and by its tags every later command knows it. */
        LEFT,
        /** The file never was in the middle of it. */
        NEVER_BEGUN
    }

    /**
     * What is left to do.
     *
     * @param gap as in {@link Recovery.Rest}
     */
    private record Left(List<Edit> edits, @Nullable Range gap) {

        /** How many edits come first that take lines out of force by a byte each. */
        int outOfForce() {
            int count = 0;
            while (count < edits.size()
                    && edits.get(count) instanceof Edit.Put(int _, String text)
                    && (text.isEmpty() || text.equals(String.valueOf(OwnLine.INERT)))) {
                count++;
            }
            return count;
        }

        boolean movesOrCuts() {
            return gap != null || edits.stream().skip(outOfForce()).anyMatch(edit -> !(edit instanceof Edit.Sync));
        }

        /** Whether what stands without what moves and cuts is put right by the tags alone, to the same bytes. */
        boolean isToldByTags(String content) {
            String kept = after(content, edits.subList(0, outOfForce()));
            PlannedEdits later = PlannedEdits.removal("", kept, PlannedEdits.LEFTOVERS, false);
            String whole = after(content, edits);
            if (gap != null) {
                whole = after(whole, Removal.of(whole, List.of(gap), false));
            }
            return whole.equals(later == null ? kept : after(kept, later.edits()));
        }

        private static String after(String content, List<Edit> edits) {
            Image image = new Image(content);
            edits.forEach(image::take);
            return image.toString();
        }
    }

    private final Sight sight;
    private final JournalFile journal;
    private final String identity;
    private final Path path;

    Completion(Sight sight, JournalFile journal, String identity, Path path) {
        this.sight = sight;
        this.journal = journal;
        this.identity = identity;
        this.path = path;
    }

    /**
     * Does it.
     *
     * @throws io.meshcapture.failure.Failure.Busy where others change the file all the time, or keep it open to write while
     *     it is in the middle of a move; the journal has to stay then
     */
    Outcome of(Journal begun) throws IOException, InterruptedException {
        Journal journaled = begun;
        for (int attempt = 0; attempt < HostsEditor.ATTEMPTS; attempt++) {
            String content = sight.settled();
            Left left = left(content, journaled);
            if (left == null) {
                return Outcome.NEVER_BEGUN;
            }
            EditRun run = sight.editing(content);
            String writer = left.movesOrCuts() ? sight.keeper() : null;
            if (writer != null) {
                if (!left.isToldByTags(content)) {
                    throw HostsRefusal.whileKeptOpen(path, writer);
                }
                List<Edit> outOfForce = new ArrayList<>(left.edits().subList(0, left.outOfForce()));
                outOfForce.add(new Edit.Sync());
                if (run.run(outOfForce) == EditRun.End.DONE) {
                    return Outcome.LEFT;
                }
            } else if (run.run(left.edits()) == EditRun.End.DONE) {
                if (left.gap() == null) {
                    return Outcome.DONE;
                }
                String now = sight.settled();
                if (!now.startsWith(run.expected())) {
                    continue;
                }
                Journal.Removal rest = new Journal.Removal(identity, now, List.of(left.gap()), false);
                journal.write(rest);
                if (sight.editing(now).run(Removal.of(now, rest.off(), false)) == EditRun.End.DONE) {
                    return Outcome.DONE;
                }
                journaled = rest;
            }
        }
        throw HostsRefusal.sinceOthersChangeIt(path, HostsEditor.ATTEMPTS);
    }

    private static @Nullable Left left(String content, Journal journaled) {
        return switch (journaled) {
            case Journal.Addition addition -> {
                List<Edit> edits = Recovery.undo(content, addition);
                yield edits == null ? null : new Left(edits, null);
            }
            case Journal.Removal removal -> rest(content, removal);
            case Journal.Revival(Journal.Removal undo) -> rest(content, undo);
        };
    }

    private static @Nullable Left rest(String content, Journal.Removal removal) {
        Recovery.Rest rest = Recovery.finish(content, removal);
        return rest == null ? null : new Left(rest.edits(), rest.gap());
    }
}
