package io.meshcapture.system;

import java.io.IOException;
import java.nio.file.DirectoryIteratorException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** Processes of this host, as far as /proc shows them. */
public final class Processes {
    private static final String SOCKET = "socket:[";

    /** In place of the group of a socket that processes of several groups have open. */
    private static final long DIFFERENT = -1;

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

    /**
     * The group of who has a socket open, its fsgid (proc_pid_status(5)): netfilter goes by the group with which the socket's
     * file was made, which is the same unless the process has changed its groups since. Sockets whose processes cannot be
     * seen, or differ in it, are left out.
     *
     * @param inodes as sockets tell them
     * @return gids by inode
     */
    public static Map<Long, Long> groupsOfSockets(Set<Long> inodes) {
        Map<Long, Long> groups = new HashMap<>();
        if (inodes.isEmpty()) {
            return groups;
        }
        try (DirectoryStream<Path> all = Files.newDirectoryStream(Path.of("/proc"), "[0-9]*")) {
            for (Path process : all) {
                try {
                    addGroup(process, inodes, groups);
                } catch (IOException | DirectoryIteratorException e) {
                    // it ended meanwhile, or is not ours to see
                }
            }
        } catch (IOException | DirectoryIteratorException e) {
            groups.clear(); // no /proc: nothing can be said
        }
        groups.values().removeIf(group -> group == DIFFERENT);
        return groups;
    }

    private static void addGroup(Path process, Set<Long> inodes, Map<Long, Long> groups) throws IOException {
        Long group = null;
        try (DirectoryStream<Path> files = Files.newDirectoryStream(process.resolve("fd"))) {
            for (Path file : files) {
                long inode = socket(file);
                if (inodes.contains(inode)) {
                    group = group == null ? fsgid(process) : group;
                    Long known = groups.putIfAbsent(inode, group);
                    if (known != null && !known.equals(group)) {
                        groups.put(inode, DIFFERENT);
                    }
                }
            }
        }
    }

    /** The inode of {@code socket:[27115]}; -1 for whatever else is open, or was. */
    private static long socket(Path file) {
        try {
            String name = Files.readSymbolicLink(file).toString();
            return name.startsWith(SOCKET) ? Long.parseLong(name, SOCKET.length(), name.length() - 1, 10) : -1;
        } catch (IOException e) {
            return -1;
        }
    }

    /** The last of {@code Gid:  real  effective  saved  fs}. */
    private static long fsgid(Path process) throws IOException {
        String status = ProcFile.read(process.resolve("status"));
        int start = status.indexOf("\nGid:");
        int end = status.indexOf('\n', start + 1);
        return Long.parseLong(status.substring(status.lastIndexOf('\t', end) + 1, end));
    }
}
