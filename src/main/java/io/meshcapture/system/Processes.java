package io.meshcapture.system;

import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;

/** Processes that share a network namespace. */
public final class Processes {
    private Processes() {}

    /** A search that goes on beside its caller. */
    public static final class Search {
        private final List<String> found = new ArrayList<>();
        private final Thread thread;

        private Search(Set<Long> uids, String namespace) {
            thread = Thread.ofPlatform().daemon().name("processes").start(() -> search(uids, namespace, found));
        }

        /** What was found, when the search is over: {@code 4711 (java)}. What cannot be seen is left out. */
        public List<String> found() throws InterruptedException {
            thread.join();
            return found;
        }
    }

    /**
     * Begins to look for processes in the calling thread's namespace that run as one of some users and whose program is
     * not Envoy. It takes a system call a process, which is worth a thread where there are thousands.
     */
    public static Search notEnvoyOf(Set<Long> uids) {
        return new Search(uids, NetworkNamespace.identity());
    }

    private static void search(Set<Long> uids, String namespace, List<String> found) {
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
            found.clear(); // no /proc: nothing can be said
        }
    }
}
