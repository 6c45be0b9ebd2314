package io.meshcapture.backend.hosts;

import io.meshcapture.failure.Failure;
import io.meshcapture.plan.ServiceName;
import java.io.IOException;
import java.time.Duration;
import java.util.Set;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;

/** Trials of names in a hosts file that is being edited. */
public final class HostsTrials {
    private final HostsEditor editor;
    private final StateFile file;

    HostsTrials(HostsEditor editor, StateFile file) {
        this.editor = editor;
        this.file = file;
    }

    /** The one that has neither been confirmed nor ended, or null. */
    public @Nullable HostsTrial current() {
        return HostsTrial.read(file.read());
    }

    /**
     * Begins one: what stands now comes back unless what is done next is confirmed. Or gives one that runs its time from now.
     *
     * @throws Failure.Unavailable where nobody could remember it
     */
    public void begin(Duration duration) throws InterruptedException {
        if (file.isImpossible()) {
            throw new Failure.Unavailable(
                    "names cannot be put on trial",
                    "the state directory is on a read-only file system, so that nobody would know what stood before",
                    "name another directory with --state-dir, or apply it without --confirm-within and --probe");
        }
        HostsTrial running = current();
        Set<OwnLine> before = running == null ? editor.standing().inForce() : running.before();
        file.write(HostsTrial.lasting(duration, before).write());
    }

    /** Ends it: what stood before it is in force again, whatever others wrote meanwhile. */
    public void end() throws InterruptedException {
        HostsTrial trial = current();
        if (trial != null) {
            editor.bringBack(trial.before());
            forget();
        }
    }

    /** What stands now stands for good, or has been brought back. */
    public void forget() {
        try {
            String because = file.remove();
            editor.note(because.isEmpty() ? "" : "that the trial is over may not be on the disk yet (" + because + ")");
        } catch (IOException e) {
            throw HostsRefusal.toChange(editor.path(), e, "the trial goes on");
        }
    }

    /** Services that are released during a trial do not come back at its end. */
    public void leaveOut(Predicate<ServiceName> services) {
        HostsTrial trial = current();
        if (trial != null) {
            file.write(trial.without(services).write());
        }
    }
}
