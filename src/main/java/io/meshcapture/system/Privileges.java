package io.meshcapture.system;

import io.meshcapture.failure.Failure;
import java.io.IOException;
import java.nio.file.Path;

/** What the calling thread may do. */
public final class Privileges {

    /** Bits of CAP_NET_ADMIN and CAP_NET_RAW (linux/capability.h). */
    private static final int NET_ADMIN = 12;

    private static final int NET_RAW = 13;

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

    /**
     * Makes sure that iptables-legacy may ask the kernel. Asked first, because it complains of a missing module.
     *
     * @throws Failure.Unavailable without CAP_NET_RAW
     */
    public static void requireNetRaw() {
        if (!isThere(NET_RAW)) {
            throw new Failure.Unavailable(
                    "the privilege CAP_NET_RAW is missing",
                    "iptables-legacy reads and writes through a raw socket, and it is asked where it has tables or is the"
                            + " backend",
                    "run it with sudo, or in a container add the capability NET_RAW beside NET_ADMIN");
        }
    }

    /** Whether netfilter may be read and changed. */
    public static boolean isNetAdmin() {
        return isThere(NET_ADMIN);
    }

    private static boolean isThere(int capability) {
        try {
            return isThere(capability, Path.of("/proc/thread-self/status"));
        } catch (IOException e) {
            return true; // no /proc: let the kernel be the judge
        }
    }

    /** Whether the process or thread with this status file has CAP_NET_ADMIN in its user namespace. */
    static boolean isNetAdmin(Path status) throws IOException {
        return isThere(NET_ADMIN, status);
    }

    private static boolean isThere(int capability, Path status) throws IOException {
        for (String line : ProcFile.read(status).split("\n", -1)) {
            if (line.startsWith("CapEff:")) {
                long set = Long.parseUnsignedLong(
                        line.substring("CapEff:".length()).strip(), 16);
                return (set & 1L << capability) != 0;
            }
        }
        return true;
    }
}
