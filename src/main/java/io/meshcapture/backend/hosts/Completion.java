package io.meshcapture.backend.hosts;

import java.io.IOException;
import java.nio.file.Path;
import java.util.List;

/** Undoes or finishes what was begun, because others changed the file in its middle, or a run was interrupted. */
final class Completion {
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

    /** Does it; false where the file never was in the middle of it. */
    boolean of(Journal begun) throws IOException, InterruptedException {
        Journal journaled = begun;
        for (int attempt = 0; attempt < HostsEditor.ATTEMPTS; attempt++) {
            String content = sight.settled();
            List<Edit> edits;
            Range gap = null;
            switch (journaled) {
                case Journal.Addition addition -> edits = Recovery.undo(content, addition);
                case Journal.Removal removal -> {
                    Recovery.Rest rest = Recovery.finish(content, removal);
                    edits = rest == null ? null : rest.edits();
                    gap = rest == null ? null : rest.gap();
                }
            }
            if (edits == null) {
                return false;
            }
            EditRun run = sight.editing(content);
            if (run.run(edits) == EditRun.End.DONE) {
                if (gap == null) {
                    return true;
                }
                String now = sight.settled();
                if (!now.startsWith(run.expected())) {
                    continue;
                }
                Journal.Removal rest = new Journal.Removal(identity, now, List.of(gap), false);
                journal.write(rest);
                if (sight.editing(now).run(Removal.of(now, rest.off(), false)) == EditRun.End.DONE) {
                    return true;
                }
                journaled = rest;
            }
        }
        throw HostsRefusal.sinceOthersChangeIt(path, HostsEditor.ATTEMPTS);
    }
}
