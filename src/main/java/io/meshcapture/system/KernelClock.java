package io.meshcapture.system;

import io.meshcapture.failure.Failure;
import java.io.IOException;
import java.nio.file.Path;

/** The time since the machine was started, sleep included, which nobody can set. */
public final class KernelClock {

    private static final Path UPTIME = Path.of("/proc/uptime");
    private static final Path BOOT = Path.of("/proc/sys/kernel/random/boot_id");

    private KernelClock() {}

    /** In milliseconds (proc_uptime(5): two decimals of a second). */
    public static long millis() {
        try {
            String text = ProcFile.read(UPTIME);
            return (long) (Double.parseDouble(text.substring(0, text.indexOf(' '))) * 1000);
        } catch (IOException e) {
            throw new Failure.Unavailable("the time since the start cannot be read", UPTIME + ": " + e, "mount /proc");
        }
    }

    /** What tells this start of the machine from every other (random(4)); the clock counts from it. */
    public static String boot() {
        try {
            return ProcFile.read(BOOT).strip();
        } catch (IOException e) {
            throw new Failure.Unavailable(
                    "this start of the machine cannot be told from others", BOOT + ": " + e, "mount /proc");
        }
    }
}
