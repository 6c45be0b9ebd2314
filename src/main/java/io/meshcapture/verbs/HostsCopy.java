package io.meshcapture.verbs;

import io.meshcapture.failure.Failure;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;

/**
 * A hosts file of its own for containers that mount it over {@code /etc/hosts}. The kubelet writes a pod's own anew before each
 * start of any of its containers, so that names in there would not last (pkg/kubelet/kubelet_pods.go, ensureHostsFile).
 */
final class HostsCopy {
    /** By this line a copy is known, which may be made anew; any other file is edited as it is. */
    private static final String MARK = "# A copy of /etc/hosts, by meshcapture.\n";

    private HostsCopy() {}

    /**
     * Makes the copy where it is not there, and anew where the file that it was made of has changed, as after the pod got another
     * address. In place, because whoever has mounted it goes on reading the same inode.
     *
     * @throws Failure.Unavailable where it cannot be written
     */
    static void bring(Place place) {
        Path copy = place.hostsFile();
        if (copy != null && !place.isWithoutHostsFile()) {
            bring(Place.HOSTS, copy);
        }
    }

    private static void bring(Path hosts, Path copy) {
        try {
            boolean there = Files.exists(copy);
            if (there && !Files.isRegularFile(copy)) {
                return; // a FIFO would wait, /dev/zero has no end: whoever edits it refuses it
            }
            String standing = there ? Files.readString(copy, StandardCharsets.ISO_8859_1) : MARK;
            String base = MARK + Files.readString(hosts, StandardCharsets.ISO_8859_1);
            String whole = base.endsWith("\n") ? base : base + "\n"; // lines of ours come behind it
            if (!standing.startsWith(MARK) || standing.startsWith(whole)) {
                return;
            }
            Files.writeString(copy, whole, StandardCharsets.ISO_8859_1);
            if (!there) {
                Files.setPosixFilePermissions(copy, PosixFilePermissions.fromString("rw-r--r--"));
            }
        } catch (IOException e) {
            throw new Failure.Unavailable(
                    "the hosts file " + copy + " cannot be made",
                    e.getClass().getSimpleName() + ": " + e.getMessage(),
                    "name a file in a directory that is there and may be written to");
        }
    }
}
