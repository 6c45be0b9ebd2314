package io.meshcapture.system;

import io.meshcapture.plan.BadValue;
import java.io.IOException;
import java.nio.file.DirectoryIteratorException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/**
 * Who keeps a file open to write, as far as /proc shows (proc_pid_fdinfo(5)). Only descriptors on the same file system are
 * asked for their inode: a dead NFS server, or whoever serves a FUSE mount, would never answer.
 */
final class FileWriters {
    /** O_WRONLY or O_RDWR among the flags, which are octal. */
    private static final int WRITES = 3;

    private final Path proc;
    private final Path file;
    private final String identity;

    /** As mountinfo has it: stat(2) tells another device for a file on btrfs and overlayfs. Empty where nobody can tell. */
    private final String device;

    private FileWriters(Path proc, Path file, String identity, String device) {
        this.proc = proc;
        this.file = file;
        this.identity = identity;
        this.device = device;
    }

    /**
     * One of them.
     *
     * @param proc where /proc is
     * @param ours this process's descriptor of the file, which does not count
     * @return as in {@code process 4711 (rsyslogd)}, or null where none is visible
     */
    static @Nullable String first(Path proc, int ours) throws IOException {
        Path process = proc.resolve(Files.readSymbolicLink(proc.resolve("self")));
        Path own = process.resolve("fd").resolve(Integer.toString(ours));
        Path file = Files.readSymbolicLink(own);
        String info = ProcFile.read(process.resolve("fdinfo").resolve(Integer.toString(ours)));
        FileWriters writers = new FileWriters(proc, file, FileFacts.of(own).identity(), device(process, info));
        return writers.first(own);
    }

    private @Nullable String first(Path own) {
        try (DirectoryStream<Path> all = Files.newDirectoryStream(proc, "[0-9]*")) {
            for (Path process : all) {
                try (DirectoryStream<Path> open = Files.newDirectoryStream(process.resolve("fd"))) {
                    for (Path descriptor : open) {
                        if (!descriptor.equals(own) && writes(process, descriptor)) {
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

    private boolean writes(Path process, Path descriptor) {
        try {
            Path link = Files.readSymbolicLink(descriptor); // the kernel's own words: no file system is asked
            if (!link.isAbsolute()) {
                return false; // a socket or a pipe
            }
            String info = ProcFile.read(
                    process.resolve("fdinfo").resolve(process.resolve("fd").relativize(descriptor)));
            return (Integer.parseInt(value(info, "flags:"), 8) & WRITES) != 0
                    && couldBeSame(process, link, info)
                    && FileFacts.of(descriptor).identity().equals(identity);
        } catch (IOException | NumberFormatException e) {
            return false; // closed meanwhile
        }
    }

    private boolean couldBeSame(Path process, Path link, String info) throws IOException {
        String inode = value(info, "ino:"); // since Linux 5.14
        if (!inode.isEmpty() && !identity.endsWith(":" + inode)) {
            return false;
        }
        String other = device(process, info);
        // a descriptor that another mount namespace made is of no mount here: it goes by its name
        return (other.isEmpty() || device.isEmpty()) ? isNamedAlike(link) : other.equals(device);
    }

    private boolean isNamedAlike(Path link) {
        return link.getFileName() != null && link.getFileName().equals(file.getFileName());
    }

    /** The device of the mount that a descriptor is on; the empty text where it is none of its process's mounts. */
    private static String device(Path process, String info) throws IOException {
        String mount = value(info, "mnt_id:") + " ";
        for (String line : ProcFile.read(process.resolve("mountinfo")).split("\n", -1)) {
            if (line.startsWith(mount)) {
                return line.split(" ", 4)[2];
            }
        }
        return "";
    }

    /** Of a line such as {@code flags:\t0100002}; the empty text where there is none. */
    private static String value(String info, String name) {
        for (String line : info.split("\n", -1)) {
            if (line.startsWith(name)) {
                return line.substring(name.length()).strip();
            }
        }
        return "";
    }
}
