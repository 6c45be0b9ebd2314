package io.meshcapture.lab;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/** mount(2) in the mount namespace of a test. */
final class Mounts {
    private static final long MS_NOSUID_NODEV_NOEXEC = 2 | 4 | 8;
    private static final long MS_BIND = 0x1000;
    private static final long MS_REC = 0x4000;
    private static final long MS_PRIVATE = 1 << 18;
    private static final Path CGROUPS = Path.of("/sys/fs/cgroup");

    private Mounts() {}

    /**
     * Makes the mounts private, then a /run of the test's own: named namespaces, the locks of xtables and ours, and
     * other traces live there. nft and libnftables look for the paths of {@code socket cgroupv2} under /sys/fs/cgroup,
     * which on hybrid systems is the place of cgroup version 1.
     */
    static void makeOwn() {
        mount("none", "/", "none", MS_PRIVATE | MS_REC, null);
        mount("tmpfs", "/run", "tmpfs", MS_NOSUID_NODEV_NOEXEC, "mode=755");
        if (!Files.exists(CGROUPS.resolve("cgroup.controllers"))) {
            mount("cgroup2", CGROUPS.toString(), "cgroup2", MS_NOSUID_NODEV_NOEXEC, null);
        }
    }

    /** Lays a file of the test over one of the machine; if that is a link to a file in /run, it is made there. */
    static Path cover(Path path, String text) {
        Kernel.refuseMachinesOwnNamespace();
        try {
            Path own = Files.writeString(Files.createTempFile(Path.of("/run"), "covering", ""), text);
            Path target = Files.isSymbolicLink(path) ? path.resolveSibling(Files.readSymbolicLink(path)) : path;
            if (!Files.exists(target)) {
                if (!target.normalize().startsWith("/run")) {
                    throw new IllegalArgumentException(path + " does not exist on this machine");
                }
                Files.createDirectories(target.resolveSibling("."));
                return Files.move(own, target);
            }
            mount(own.toString(), path.toString(), "none", MS_BIND, null);
            return path;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static void mount(String source, String target, String type, long flags, @Nullable String data) {
        Kernel.check(Kernel.LIBC.mount(source, target, type, flags, data), "mount " + source + " on " + target);
    }
}
