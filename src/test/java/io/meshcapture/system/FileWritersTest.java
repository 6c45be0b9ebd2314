package io.meshcapture.system;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Beside a /proc as Linux before 5.14 shows it, without inodes. What would be found on another file system is not asked. */
class FileWritersTest {
    private static final String MOUNTS = """
            30 1 8:1 / / rw - ext4 /dev/sda1 rw
            31 30 0:44 / /dead rw - nfs4 server:/ rw
            32 30 8:1 /hosts /etc/hosts rw - ext4 /dev/sda1 rw
            """;

    @TempDir
    private Path directory;

    private Path proc;
    private Path hosts;

    @BeforeEach
    void make() throws IOException {
        proc = directory.resolve("proc");
        hosts = Files.writeString(directory.resolve("hosts"), "");
        opened("100", "5", hosts, "02", "32");
        Files.createSymbolicLink(proc.resolve("self"), Path.of("100"));
    }

    private void opened(String process, String descriptor, Path file, String flags, String mount) throws IOException {
        Path there = Files.createDirectories(proc.resolve(process));
        Files.writeString(there.resolve("comm"), "rsyslogd\n");
        Files.writeString(there.resolve("mountinfo"), MOUNTS);
        Files.createSymbolicLink(Files.createDirectories(there.resolve("fd")).resolve(descriptor), file);
        Files.writeString(
                Files.createDirectories(there.resolve("fdinfo")).resolve(descriptor),
                "pos:\t0\nflags:\t" + flags + "\nmnt_id:\t" + mount + "\n");
    }

    private String first() throws IOException {
        return String.valueOf(FileWriters.first(proc, 5));
    }

    @Test
    void a_writer_by_another_name_and_mount_of_the_same_file_system_is_seen() throws IOException {
        Path other = Files.createLink(directory.resolve("etc-hosts"), hosts);
        opened("200", "3", other, "0100001", "30");
        assertEquals("process 200 (rsyslogd)", first());
    }

    @Test
    void who_reads_it_writes_another_file_or_holds_our_own_descriptor_is_none() throws IOException {
        opened("200", "3", hosts, "0100000", "30");
        opened("200", "4", Files.writeString(directory.resolve("other"), ""), "02", "30");
        opened("200", "6", Path.of("socket:[4711]"), "02", "9");
        assertNull(FileWriters.first(proc, 5));
    }

    /** It would be found if it were asked: it leads to the very file. */
    @Test
    void a_descriptor_on_another_file_system_is_not_asked() throws IOException {
        opened("200", "3", hosts, "02", "31");
        assertNull(FileWriters.first(proc, 5));
    }

    @Test
    void a_descriptor_of_a_mount_elsewhere_goes_by_its_name() throws IOException {
        opened("200", "3", Files.createLink(directory.resolve("etc-hosts"), hosts), "02", "77");
        assertNull(FileWriters.first(proc, 5));
        opened("300", "3", hosts, "02", "77");
        assertEquals("process 300 (rsyslogd)", first());
    }
}
