package io.meshcapture.system;

import java.io.IOException;
import java.nio.file.Path;

/** Whether anybody uses tables of iptables-legacy in the calling thread's network namespace; asking by its programs makes them. */
public final class LegacyTables {

    private static final Path NAMES = Path.of("/proc/thread-self/net/ip_tables_names");

    private LegacyTables() {}

    /** Whether some table of IPv4 is there. */
    public static boolean areUsed() {
        try {
            return !ProcFile.read(NAMES).isBlank();
        } catch (IOException e) {
            return false; // this kernel has none, or none yet
        }
    }
}
