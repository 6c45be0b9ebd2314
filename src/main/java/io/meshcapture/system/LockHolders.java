package io.meshcapture.system;

import io.meshcapture.ffi.Errno;
import io.meshcapture.ffi.LibC;
import java.io.FileNotFoundException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;

/**
 * Who holds a lock, that of the calling thread's network namespace or that of a file, from /proc/locks (proc_locks(5)), where processes of other
 * pid namespaces are missing.
 */
final class LockHolders {

    /**
     * One of them.
     *
     * @param pid as this process's /proc has it; 0 or less where it is not visible
     * @param exclusive whether nobody else may hold it, as a run of ours does
     */
    record Holder(long pid, boolean exclusive) {}

    /** Whether a process could be a run of ours. */
    private interface Rights {
        boolean has(Path process) throws IOException;
    }

    private final List<Holder> holders;
    private final Rights rights;

    private LockHolders(List<Holder> holders, Rights rights) {
        this.holders = holders;
        this.rights = rights;
    }

    /** The holders of the network namespace's lock at this moment, as far as they are visible. */
    static LockHolders now() {
        return of(NetworkNamespace.OF_THIS_THREAD, LockHolders::mayChangeNetfilter);
    }

    /** The holders of a file's lock; a run of ours may write to it. */
    static LockHolders of(Path file) {
        return of(file, process -> mayWrite(process, file));
    }

    private static LockHolders of(Path file, Rights rights) {
        try {
            return new LockHolders(parse(ProcFile.read(Path.of("/proc/locks")), fileOf(file)), rights);
        } catch (IOException e) {
            return new LockHolders(List.of(), rights);
        }
    }

    /** The first visible holder of a file's lock, as in {@code process 4711 (java)}; empty where none is visible. */
    static Optional<String> holderOf(Path file) {
        try {
            for (Holder holder : parse(ProcFile.read(Path.of("/proc/locks")), fileOf(file))) {
                if (holder.pid() > 0) {
                    return Optional.of("process " + holder.pid() + " (" + command(holder.pid()) + ")");
                }
            }
        } catch (IOException e) {
            // nobody can tell
        }
        return Optional.empty();
    }

    /** The device and the inode of a file as /proc/locks writes them: {@code 00:04:4026531840}. */
    private static String fileOf(Path path) throws IOException {
        long device = (Long) Files.getAttribute(path, "unix:dev");
        long major = (device >> 8) & 0xfff;
        long minor = (device & 0xff) | ((device >> 12) & 0xfff00);
        return String.format(Locale.ROOT, "%02x:%02x:%d", major, minor, (Long) Files.getAttribute(path, "unix:ino"));
    }

    /** {@code 1: FLOCK  ADVISORY  WRITE 4711 00:04:4026531840 0 EOF}; who only waits has an arrow before FLOCK. */
    static List<Holder> parse(String locks, String file) {
        List<Holder> holders = new ArrayList<>();
        for (String line : locks.split("\n", -1)) {
            String[] words = line.strip().split("\\s+", -1);
            if (words.length > 5 && words[1].equals("FLOCK") && words[5].equals(file)) {
                holders.add(new Holder(Long.parseLong(words[4]), words[3].equals("WRITE")));
            }
        }
        return holders;
    }

    /** Whether all are visible, and none could be a run of ours. */
    boolean areStrangers() {
        return !holders.isEmpty() && holders.stream().noneMatch(this::couldBeOurs);
    }

    /** What cannot be seen could be. */
    private boolean couldBeOurs(Holder holder) {
        if (!holder.exclusive()) {
            return false;
        }
        if (holder.pid() <= 0) {
            return true;
        }
        Path process = Path.of("/proc", Long.toString(holder.pid()));
        try {
            return rights.has(process);
        } catch (NoSuchFileException | FileNotFoundException e) {
            // it has ended and left the lock to a child, as no run of ours does; or /proc hides it
            return LibC.load().signalNothing(holder.pid()) != -Errno.ESRCH;
        } catch (IOException e) {
            return true;
        }
    }

    /** It has CAP_NET_ADMIN, in our user namespace or in the one that owns the network. */
    private static boolean mayChangeNetfilter(Path process) throws IOException {
        if (!Privileges.isNetAdmin(process.resolve("status"))) {
            return false;
        }
        String user = Files.readSymbolicLink(process.resolve("ns/user")).toString();
        return user.equals(NetworkNamespace.owner())
                || user.equals(Files.readSymbolicLink(Path.of("/proc/thread-self/ns/user"))
                        .toString());
    }

    /** It is root's, or the file's owner's. */
    private static boolean mayWrite(Path process, Path file) throws IOException {
        Object owner = Files.getAttribute(process, "unix:uid");
        return owner.equals(0) || owner.equals(Files.getAttribute(file, "unix:uid"));
    }

    /** {@code process 4711 (java) holds the lock}. */
    String words() {
        for (Holder holder : holders) {
            if (holder.pid() > 0 && couldBeOurs(holder)) {
                return "process " + holder.pid() + " (" + command(holder.pid()) + ") holds the lock";
            }
        }
        return "a process that is not visible from here holds the lock";
    }

    /** What to do about it. */
    String mend() {
        for (Holder holder : holders) {
            if (holder.pid() > 0 && couldBeOurs(holder)) {
                return "wait for it, raise --lock-timeout, or end it with: kill " + holder.pid();
            }
        }
        return "wait for it, or raise --lock-timeout";
    }

    private static String command(long pid) {
        try {
            return ProcFile.read(Path.of("/proc", Long.toString(pid), "comm")).strip();
        } catch (IOException e) {
            return "not visible from here";
        }
    }
}
