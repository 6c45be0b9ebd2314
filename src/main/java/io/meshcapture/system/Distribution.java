package io.meshcapture.system;

import java.nio.file.Files;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/** The distribution that we run in. */
public final class Distribution {
    private Distribution() {}

    /** Its directory, null where there is none around us. */
    public static @Nullable Path home() {
        String named = System.getProperty("meshcapture.bin");
        Path from = named == null
                ? Path.of(System.getProperty("java.home", "/"))
                : Path.of(named).toAbsolutePath();
        for (Path at = from.getParent(); at != null; at = at.getParent()) {
            if (Files.isExecutable(at.resolve("bin/meshcapture"))) {
                return at;
            }
        }
        return null;
    }
}
