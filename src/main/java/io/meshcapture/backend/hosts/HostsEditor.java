package io.meshcapture.backend.hosts;

import io.meshcapture.failure.Failure;
import io.meshcapture.plan.ServiceName;
import io.meshcapture.system.EditedFile;
import io.meshcapture.system.FileFacts;
import io.meshcapture.system.FileLock;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Predicate;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * Edits a hosts file, alone among our own runs. What others do to the file meanwhile is kept: each edit is made where the
 * file still is what it was planned for, and planned anew where it is not.
 */
public final class HostsEditor implements AutoCloseable {

    /** How often a change is planned anew because others changed the file. */
    static final int ATTEMPTS = 50;

    private final Path path;
    private final Duration patience;
    private EditedFile file;
    private Sight sight;
    private final JournalFile journal;
    private final HostsTrials trials;
    private final List<String> notes = new ArrayList<>();
    private String identity = "";

    /** Whether comments of ours stay, since somebody keeps the file open to write. */
    private boolean leaves;

    /** Whether a change stays in its middle, with its journal; nothing else may be begun before that is finished. */
    private boolean midway;

    private HostsEditor(Path path, Duration patience, EditedFile file, JournalFile journal, StateFile trial) {
        this.path = path;
        this.patience = patience;
        this.file = file;
        this.sight = new Sight(file);
        this.journal = journal;
        this.trials = new HostsTrials(this, trial);
    }

    /**
     * Opens a hosts file, takes the lock, and undoes or finishes what an earlier run left.
     *
     * @param patience how long another run is waited for
     * @throws Failure.Busy where another run holds the lock
     * @throws Failure.Unavailable where the file or the state directory cannot be written
     * @throws Failure.Conflict where it is no file that can be edited, or an interrupted change cannot be finished
     */
    public static HostsEditor open(Path hosts, Path stateDirectory, Duration patience) throws InterruptedException {
        Path path = HostsPath.behindLinks(hosts);
        EditedFile file;
        try {
            file = FileLock.open(path, patience);
        } catch (IOException e) {
            throw HostsRefusal.toOpen(path, e);
        }
        @Nullable HostsEditor editor = null;
        try {
            editor = new HostsEditor(
                    path,
                    patience,
                    file,
                    JournalFile.in(stateDirectory, hosts),
                    StateFile.in(stateDirectory, hosts, HostsTrial.KIND));
            editor.identify();
            if (editor.journal.isImpossible()) {
                editor.notes.add("no journal is kept, because the file system of " + stateDirectory
                        + " is read-only; name a directory that can be written with --state-dir");
            }
            editor.recover();
            return editor;
        } catch (IOException e) {
            close(editor, file);
            throw HostsRefusal.toChange(path, e, "nothing was changed");
        } catch (RuntimeException | InterruptedException e) {
            close(editor, file);
            throw e;
        }
    }

    private static void close(@Nullable HostsEditor editor, EditedFile file) {
        if (editor == null) {
            file.close();
        } else {
            editor.close();
        }
    }

    /** Whether a change was interrupted, which whoever opens the file next undoes or finishes. */
    public static boolean hasUnfinished(Path hosts, Path stateDirectory) {
        return JournalFile.isIn(stateDirectory, hosts);
    }

    private void identify() throws IOException {
        FileFacts facts = file.facts();
        if (!facts.regular()) {
            throw new Failure.Conflict(
                    path + " cannot be edited", "it is no regular file", "make it a file with the names of localhost");
        }
        if (facts.links() == 0) {
            throw new Failure.Conflict(
                    path + " is a stale mount",
                    "the file that is mounted here was replaced by another outside, and nothing reads this one after a"
                            + " restart",
                    "restart the container");
        }
        // not the device, whose number may be another after a power failure; the journal's bytes tell the rest
        identity = facts.identity().substring(facts.identity().indexOf(':') + 1);
    }

    /** Where the file is, behind links. */
    public Path path() {
        return path;
    }

    /** What the user should know of what was found and done. */
    public List<String> notes() {
        return List.copyOf(notes);
    }

    /** What stands. */
    public HostsFindings standing() throws InterruptedException {
        try {
            return new HostsFindings(HostsFile.parse(sight.settled()));
        } catch (IOException e) {
            throw HostsRefusal.toChange(path, e, "nothing was changed");
        }
    }

    /** Brings services to exactly these lines; what else they have in force comes off. */
    public void bring(Map<ServiceName, ? extends Collection<OwnLine>> wanted) throws InterruptedException {
        try {
            edit(content -> PlannedEdits.addition(identity, content, wanted, leaves));
            note(journal.remove());
        } catch (IOException e) {
            throw undone(e);
        }
        takeOff(now -> {
            Set<HostsFile.Tagged> doubled = now.doubled();
            return line -> line.line() != null
                    && wanted.containsKey(line.line().service())
                    && (doubled.contains(line)
                            || !wanted.get(line.line().service()).contains(line.line()));
        });
    }

    /** Takes the lines of services off, as far as they are as we wrote them. */
    public void release(Predicate<ServiceName> services) throws InterruptedException {
        takeOff(_ -> line -> line.service() != null && services.test(line.service()));
    }

    /** Brings lines that stood in force before in force again, and takes all others of ours off. */
    public void bringBack(Set<OwnLine> before) throws InterruptedException {
        Map<ServiceName, Set<OwnLine>> lines =
                before.stream().collect(Collectors.groupingBy(OwnLine::service, Collectors.toSet()));
        bring(lines);
        release(service -> !lines.containsKey(service));
    }

    /** Of this file. */
    public HostsTrials trials() {
        return trials;
    }

    private void takeOff(PlannedEdits.Choice some) throws InterruptedException {
        try {
            edit(content -> PlannedEdits.removal(identity, content, some, leaves));
            forget();
        } catch (IOException e) {
            throw new Failure.Refused(
                    "the lines could not be taken out of " + path + " whole",
                    String.valueOf(e.getMessage()),
                    "what is left of them are comments; take these out too with the same command, when the cause is"
                            + " mended");
        }
    }

    /** Plans and edits until nothing is to be done. */
    private void edit(PlannedEdits.Planner planner) throws IOException, InterruptedException {
        if (midway) {
            finishInterrupted();
        }
        for (int attempt = 0; attempt < ATTEMPTS; attempt++) {
            reopenWhereReplaced();
            String content = sight.settled();
            PlannedEdits planned = planner.plan(content);
            if (planned == null) {
                return;
            }
            journal.write(planned.journal());
            FileTime before = modified();
            EditRun run = sight.editing(content);
            boolean takesOff = planned.journal() instanceof Journal.Removal;
            switch (takesOff ? run.takeOff(planned.edits()) : run.run(planned.edits())) {
                case DISTURBED -> complete(planned.journal());
                case LEFT -> leave();
                case DONE -> {}
            }
            file.touch(before);
        }
        throw HostsRefusal.sinceOthersChangeIt(path, ATTEMPTS);
    }

    /** Many editors write another file and rename it over this one, in which nobody would read what is edited then. */
    private void reopenWhereReplaced() throws IOException, InterruptedException {
        FileFacts facts = file.facts();
        if (facts.links() > 0
                && Files.exists(path)
                && FileFacts.of(path).identity().equals(facts.identity())) {
            return;
        }
        EditedFile next = FileLock.open(path, patience);
        file.close();
        file = next;
        sight = new Sight(file);
        identify();
    }

    /** Once in each run: what is out of force by now stays as comments, which the next run takes out. */
    private void leave() throws IOException, InterruptedException {
        if (!leaves) {
            leaves = true;
            String writer = file.writer(Duration.ZERO);
            note((writer == null ? "somebody" : writer) + " keeps " + path
                    + " open to write, so lines that came off stay as comments; the next command takes them out when it"
                    + " is closed");
        }
    }

    /** Of a removal that is done: a journal that stays tells the next command to finish what is finished. */
    private void forget() {
        try {
            note(journal.remove());
        } catch (IOException e) {
            note("the journal could not be removed: " + e.getMessage());
        }
    }

    void note(String note) {
        if (!note.isEmpty()) {
            notes.add(note);
        }
    }

    private Completion.Outcome complete(Journal begun) throws IOException, InterruptedException {
        midway = true;
        Completion.Outcome outcome = new Completion(sight, journal, identity, path).of(begun);
        midway = false;
        if (outcome == Completion.Outcome.LEFT) {
            leave();
        }
        return outcome;
    }

    private FileTime modified() throws IOException {
        return file.facts().modified();
    }

    private void recover() throws IOException, InterruptedException {
        finishInterrupted();
        edit(content -> PlannedEdits.removal(identity, content, PlannedEdits.LEFTOVERS, leaves));
        forget();
    }

    private void finishInterrupted() throws IOException, InterruptedException {
        midway = false;
        Journal left = journal.read();
        if (left != null && left.file().equals(identity)) {
            FileTime before = modified();
            if (complete(left) != Completion.Outcome.NEVER_BEGUN) {
                file.touch(before);
                notes.add("an interrupted change of " + path + " was "
                        + (left instanceof Journal.Removal ? "finished" : "undone"));
            } else if (!(left instanceof Journal.Addition)) {
                notes.add("an interrupted change of " + path + " could not be finished, because others changed the file"
                        + " meanwhile; what it was before is in " + journal.putAside()
                        + ": look for comments and doubled lines");
            }
        }
    }

    /** After an addition that the kernel refused in its middle. */
    private Failure undone(IOException e) throws InterruptedException {
        try {
            recover();
        } catch (IOException | Failure again) {
            e.addSuppressed(again);
            return new Failure.Conflict(
                    "the hosts file " + path + " could neither be changed nor be brought back",
                    e.getMessage() + "; then " + Failure.withoutMend(again),
                    "mend the cause, then run: meshcapture rollback --all");
        }
        return HostsRefusal.toChange(path, e, "nothing was changed");
    }

    @Override
    public void close() {
        file.close();
    }
}
