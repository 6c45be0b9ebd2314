package io.meshcapture.system;

import io.meshcapture.plan.BadValue;
import java.io.IOException;
import java.nio.file.DirectoryIteratorException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/** Who keeps a file open to write, as far as /proc shows (proc_pid_fdinfo(5)). */
final class FileWriters {
    /** O_WRONLY or O_RDWR among the flags, which are octal. */
    private static final int WRITES = 3;

    private FileWriters() {}

    /**
     * One of them.
     *
     * @param file what it is
     * @param ours a descriptor of this process that does not count
     * @return as in {@code process 4711 (rsyslogd)}, or null where none is visible
     */
    static @Nullable String first(FileFacts file, int ours) {
        Path self = Path.of("/proc", Long.toString(ProcessHandle.current().pid()), "fd", Integer.toString(ours));
        String inode = "\nino:\t" + file.identity().substring(file.identity().indexOf(':') + 1) + "\n";
        try (DirectoryStream<Path> all = Files.newDirectoryStream(Path.of("/proc"), "[0-9]*")) {
            for (Path process : all) {
                try (DirectoryStream<Path> open = Files.newDirectoryStream(process.resolve("fd"))) {
                    for (Path descriptor : open) {
                        if (!descriptor.equals(self) && writes(process, descriptor, inode, file.identity())) {
                            return "process " + process.getFileName() + " ("
                                    + BadValue.printable(ProcFile.read(process.resolve("comm"))
                                            .strip())
                                    + ")";
                        }
                    }
                } catch (IOException | DirectoryIteratorException e) {
                    // it ended meanwhile, or is not ours to see
                }
            }
        } catch (IOException | DirectoryIteratorException e) {
            // no /proc: nobody can tell
        }
        return null;
    }

    private static boolean writes(Path process, Path descriptor, String inode, String identity) {
        try {
            String info = ProcFile.read(
                    process.resolve("fdinfo").resolve(process.resolve("fd").relativize(descriptor)));
            int flags = info.indexOf("flags:\t") + "flags:\t".length();
            boolean isOther = info.contains("\nino:\t") && !info.contains(inode); // since Linux 5.14
            return !isOther
                    && (Integer.parseInt(info.substring(flags, info.indexOf('\n', flags)), 8) & WRITES) != 0
                    && FileFacts.of(descriptor).identity().equals(identity);
        } catch (IOException e) {
            return false; // closed meanwhile
        }
    }
}
