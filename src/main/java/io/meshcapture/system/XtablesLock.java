package io.meshcapture.system;

import java.nio.file.Path;
import java.util.Optional;

/** The lock that programs of iptables-legacy take (iptables/xshared.c). */
public final class XtablesLock {

    /** Where a variable of the environment names another one. */
    public static final String VARIABLE = "XTABLES_LOCKFILE";

    private static final Path USUAL = Path.of("/run/xtables.lock");

    private XtablesLock() {}

    /** Who holds it, as in {@code process 4711 (iptables)}; empty where that cannot be seen. */
    public static Optional<String> holder() {
        return LockHolders.holderOf(file());
    }

    /** Its file. */
    public static Path file() {
        String named = System.getenv(VARIABLE);
        return named == null || named.isEmpty() ? USUAL : Path.of(named);
    }
}
