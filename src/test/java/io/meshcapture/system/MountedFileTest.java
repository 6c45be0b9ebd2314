package io.meshcapture.system;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.nio.file.Path;
import org.junit.jupiter.api.Test;

class MountedFileTest {
    private static final String MOUNTS = """
            25 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw
            90 25 8:1 /etc/netns/a/hosts /etc/hosts rw,relatime - ext4 /dev/sda1 rw
            91 25 0:52 /with\\040blank /x/a\\134b\\040c rw - tmpfs tmpfs rw
            92 25 8:1 /old//deleted /run/hosts rw - ext4 /dev/sda1 rw
            """;

    @Test
    void tells_which_file_is_seen() {
        assertEquals("8:1 /etc/netns/a/hosts", MountedFile.in(MOUNTS, Path.of("/etc/hosts")));
        assertEquals("8:1 /old", MountedFile.in(MOUNTS, Path.of("/run/hosts")));
        assertEquals("", MountedFile.in(MOUNTS, Path.of("/etc")));
        assertEquals("", MountedFile.in("", Path.of("/etc/hosts")));
    }

    @Test
    void sees_the_last_of_mounts_over_each_other() {
        String more = MOUNTS + "99 90 0:60 /other /etc/hosts rw - tmpfs tmpfs rw\n";
        assertEquals("0:60 /other", MountedFile.in(more, Path.of("/etc/hosts")));
    }

    @Test
    void knows_how_the_kernel_writes_paths() {
        assertEquals("0:52 /with\\040blank", MountedFile.in(MOUNTS, Path.of("/x/a\\b c")));
    }
}
