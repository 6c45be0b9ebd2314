package io.meshcapture.backend.hosts;

import io.meshcapture.failure.Failure;
import io.meshcapture.system.EditedFile;
import io.meshcapture.system.FileFacts;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;

/** Where the hosts file really is. */
final class HostsPath {
    /** How often a link may lead to another (MAXSYMLINKS of the kernel). */
    private static final int LINKS = 40;

    private HostsPath() {}

    /**
     * The file behind links. Each of these, and the file, must lie in a directory that only root may write to: somebody else
     * could lead us to any file of the machine. One below another process's root stays as it is.
     *
     * @throws Failure.Conflict where it is a link that leads nowhere or through such a directory
     */
    static Path behindLinks(Path path) {
        Path file = path.toAbsolutePath();
        if (EditedFile.rootOfProcess(file) != null) {
            return file; // its links would be followed from our root; it is opened without
        }
        try {
            for (int i = 0; i < LINKS; i++) {
                if (!Files.isSymbolicLink(file)) {
                    if (i > 0) {
                        requireSafe(path, file);
                        if (!Files.exists(file, LinkOption.NOFOLLOW_LINKS)) {
                            throw refused(path, "it is a link to " + file + ", which is not there");
                        }
                    }
                    return file;
                }
                file = file.resolveSibling(Files.readSymbolicLink(file)).normalize();
            }
        } catch (IOException e) {
            throw refused(path, String.valueOf(e.getMessage()));
        }
        throw refused(path, "its links lead in a circle");
    }

    private static void requireSafe(Path path, Path file) throws IOException {
        for (Path directory = file.getParent(); directory != null; directory = directory.getParent()) {
            if (!Files.exists(directory)) {
                throw refused(path, "it is a link to " + file + ", which is not there");
            }
            FileFacts facts = FileFacts.of(directory);
            if (facts.writableByOthers() || facts.owner() != 0) {
                throw refused(path, "it is a link to " + file + ", and others than root may write to " + directory);
            }
        }
    }

    private static Failure.Conflict refused(Path path, String because) {
        return new Failure.Conflict(
                path + " cannot be edited", because, "make it a file, or a link that only root can change");
    }
}
