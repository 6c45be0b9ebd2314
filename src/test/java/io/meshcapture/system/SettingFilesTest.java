package io.meshcapture.system;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** How Podman and systemd-resolved are set, by all the files that may say so. */
class SettingFilesTest {
    @TempDir
    private Path root;

    private void says(String file, String text) throws IOException {
        Path path = root.resolve(file);
        Files.createDirectories(path.getParent());
        Files.writeString(path, text);
    }

    private String base() {
        return SettingFiles.ofContainers(root).last("base_hosts_file");
    }

    @Test
    void theLastFileThatSaysItCountsAndCommentsDoNot() throws Exception {
        assertEquals("", base());
        says("usr/share/containers/containers.conf", "[containers]\n#base_hosts_file = \"image\"\n");
        assertEquals("", base());
        says("usr/share/containers/containers.conf", "[containers]\nbase_hosts_file = \"/etc/hosts\" # as ever\n");
        assertEquals("/etc/hosts", base());
        says("etc/containers/containers.conf", "[containers]\n  base_hosts_file='image'\n");
        assertEquals("image", base());
        says("etc/containers/containers.conf.d/20-b.conf", "[containers]\nbase_hosts_file=\"none\"\n");
        says("etc/containers/containers.conf.d/10-a.conf", "[containers]\nbase_hosts_file=\"/etc/hosts\"\n");
        says("etc/containers/containers.conf.d/30-c.txt", "[containers]\nbase_hosts_file=\"image\"\n");
        assertEquals("none", base());
    }

    @Test
    void aSettingOfSystemdHasNoQuotes() throws Exception {
        says("etc/systemd/resolved.conf", "[Resolve]\n#ReadEtcHosts=yes\nReadEtcHosts=no\n");
        assertEquals("no", SettingFiles.ofResolved(root).last("ReadEtcHosts"));
    }
}
