package io.meshcapture.system;

import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;

/** Processes that share the calling thread's network namespace. */
public final class Processes {
    private Processes() {}

    /** Those of some users whose program is not Envoy: {@code 4711 (java)}. What cannot be seen is left out. */
    public static List<String> notEnvoyOf(Set<Long> uids) {
        String namespace = NetworkNamespace.identity();
        List<String> found = new ArrayList<>();
        try (DirectoryStream<Path> all = Files.newDirectoryStream(Path.of("/proc"), "[0-9]*")) {
            for (Path process : all) {
                try {
                    long uid = Integer.toUnsignedLong((Integer) Files.getAttribute(process, "unix:uid"));
                    if (uids.contains(uid)
                            && Files.readSymbolicLink(process.resolve("ns/net"))
                                    .toString()
                                    .equals(namespace)) {
                        String name = ProcFile.read(process.resolve("comm")).strip();
                        if (!name.startsWith("envoy")) {
                            found.add(process.getFileName() + " (" + name + ")");
                        }
                    }
                } catch (IOException e) {
                    // it ended meanwhile, or is not ours to see
                }
            }
        } catch (IOException e) {
            return List.of();
        }
        return found;
    }
}
