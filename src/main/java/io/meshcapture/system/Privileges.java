package io.meshcapture.system;

import io.meshcapture.failure.Failure;
import java.io.IOException;
import java.nio.file.Path;

/** What the calling thread may do. */
public final class Privileges {

    /** Bit of CAP_NET_ADMIN (linux/capability.h). */
    private static final int NET_ADMIN = 12;

    private Privileges() {}

    /**
     * Makes sure that netfilter may be read and changed. Asked first, because libnftables prints its own complaint
     * straight to standard error.
     *
     * @throws Failure.Unavailable without CAP_NET_ADMIN
     */
    public static void requireNetAdmin() {
        if (!isNetAdmin()) {
            throw new Failure.Unavailable(
                    "the privilege CAP_NET_ADMIN is missing",
                    "netfilter can neither be read nor changed without it",
                    "run it with sudo, or in a container add the capability NET_ADMIN");
        }
    }

    /** Whether netfilter may be read and changed. */
    public static boolean isNetAdmin() {
        try {
            return isNetAdmin(Path.of("/proc/thread-self/status"));
        } catch (IOException e) {
            return true; // no /proc: let the kernel be the judge
        }
    }

    /** Whether the process or thread with this status file has CAP_NET_ADMIN in its user namespace. */
    static boolean isNetAdmin(Path status) throws IOException {
        for (String line : ProcFile.read(status).split("\n", -1)) {
            if (line.startsWith("CapEff:")) {
                long set = Long.parseUnsignedLong(
                        line.substring("CapEff:".length()).strip(), 16);
                return (set & 1L << NET_ADMIN) != 0;
            }
        }
        return true;
    }
}
