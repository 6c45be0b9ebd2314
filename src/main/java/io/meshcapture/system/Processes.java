package io.meshcapture.system;

import io.meshcapture.plan.BadValue;
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
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;

/** Processes of this host, as far as /proc shows them. */
public final class Processes {
    private static final String SOCKET = "socket:[";

    /** In place of the group of a socket that processes of several groups have open. */
    private static final long DIFFERENT = -1;

    private Processes() {}

    /**
     * A process.
     *
     * @param uid by which its sockets go, in this process's user namespace
     * @param gid likewise
     * @param cgroup path of its control group below the root; null where that is not visible from here
     * @param isInOurNetwork whether it is in the calling thread's network namespace
     * @param isInOurMounts whether it sees the files that the calling thread sees
     */
    public record Running(long uid, long gid, @Nullable String cgroup, boolean isInOurNetwork, boolean isInOurMounts) {}

    /** A process by its number; null where it is not there, or is not ours to see. */
    public static @Nullable Running running(long pid) {
        Path process = Path.of("/proc", Long.toString(pid));
        try {
            String status = ProcFile.read(process.resolve("status"));
            return new Running(
                    last(status, "Uid:"),
                    last(status, "Gid:"),
                    cgroup(ProcFile.read(process.resolve("cgroup"))),
                    isOurs(process, "net"),
                    isOurs(process, "mnt"));
        } catch (IOException e) {
            return null;
        }
    }

    private static boolean isOurs(Path process, String namespace) throws IOException {
        return Files.readSymbolicLink(process.resolve("ns/" + namespace))
                .equals(Files.readSymbolicLink(Path.of("/proc/thread-self/ns/" + namespace)));
    }

    /** The line of cgroup v2 (cgroups(7)): {@code 0::/shop.slice/orders.service}. */
    private static @Nullable String cgroup(String lines) {
        for (String line : lines.split("\n", -1)) {
            if (line.startsWith("0::/") && !line.startsWith("0::/..")) {
                return line.length() == "0::/".length() ? null : line.substring("0::/".length());
            }
        }
        return null;
    }

    /** A search that goes on beside its caller. */
    public static final class Search {
        private final Set<Long> uids;
        private final Set<Long> gids;
        private final String namespace = NetworkNamespace.identity();
        private final @Nullable UserNumbers numbers = UserNumbers.ofThisNamespace();
        private final List<String> found = new ArrayList<>();
        private final Thread thread;

        private Search(Set<Long> uids, Set<Long> gids) {
            this.uids = uids;
            this.gids = gids;
            thread = Thread.ofPlatform().daemon().name("processes").start(this::search);
        }

        /** What was found, when the search is over: {@code 4711 (java)}. What cannot be seen is left out. */
        public List<String> found() throws InterruptedException {
            thread.join();
            return found;
        }

        private void search() {
            if (numbers == null) {
                return;
            }
            try (DirectoryStream<Path> all = Files.newDirectoryStream(Path.of("/proc"), "[0-9]*")) {
                for (Path process : all) {
                    try {
                        look(process, numbers);
                    } catch (IOException e) {
                        // it ended meanwhile, or is not ours to see
                    }
                }
            } catch (IOException | DirectoryIteratorException e) {
                found.clear(); // no /proc: nothing can be said
            }
        }

        private void look(Path process, UserNumbers there) throws IOException {
            Map<String, Object> owner = Files.readAttributes(process, "unix:uid,gid");
            long uid = unsigned(owner.get("uid"));
            if (isEnvoys(there.user(uid), there.group(unsigned(owner.get("gid"))))) {
                add(process);
            } else if (uid == 0) {
                // the directory of who changed its user since its program began belongs to root (proc(5), "dumpable")
                String status = ProcFile.read(process.resolve("status"));
                if (isEnvoys(there.user(last(status, "Uid:")), there.group(last(status, "Gid:")))) {
                    add(process);
                }
            }
        }

        private boolean isEnvoys(long uid, long gid) {
            return uids.contains(uid) || gids.contains(gid);
        }

        private void add(Path process) throws IOException {
            if (Files.readSymbolicLink(process.resolve("ns/net")).toString().equals(namespace)) {
                String name = Processes.name(process);
                if (!name.startsWith("envoy")) {
                    found.add(process.getFileName() + " (" + name + ")");
                }
            }
        }

        private static long unsigned(@Nullable Object id) {
            return id instanceof Integer number ? Integer.toUnsignedLong(number) : -1;
        }
    }

    /**
     * Begins to look for processes in the calling thread's namespace that run as one of some users, or with one of some
     * groups, and whose program is not Envoy. It takes a system call a process, which is worth a thread where there are
     * thousands.
     *
     * @param uids as the network namespace counts them
     * @param gids likewise
     */
    public static Search notEnvoyOf(Set<Long> uids, Set<Long> gids) {
        return new Search(uids, gids);
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
        Map<Path, Long> known = new HashMap<>();
        boolean seen = visit(inodes, (process, inode) -> {
            Long group = known.get(process);
            if (group == null) {
                group = fsgid(process);
                known.put(process, group);
            }
            Long other = groups.putIfAbsent(inode, group);
            if (other != null && !other.equals(group)) {
                groups.put(inode, DIFFERENT);
            }
        });
        if (!seen) {
            groups.clear();
        }
        groups.values().removeIf(group -> group == DIFFERENT);
        return groups;
    }

    /**
     * Who has sockets open, as {@code 4711 (envoy)}; what cannot be seen is left out.
     *
     * @param inodes as sockets tell them
     * @return the processes by inode
     */
    public static Map<Long, Set<String>> ofSockets(Set<Long> inodes) {
        Map<Long, Set<String>> found = new HashMap<>();
        boolean seen = visit(inodes, (process, inode) -> {
            String name = name(process);
            found.computeIfAbsent(inode, _ -> new TreeSet<>()).add(process.getFileName() + " (" + name + ")");
        });
        if (!seen) {
            found.clear();
        }
        return found;
    }

    /**
     * The processes that have any of some sockets open, each as its directory below /proc; what cannot be seen is left out.
     *
     * @param inodes as sockets tell them
     */
    public static Set<Path> withSockets(Set<Long> inodes) {
        Set<Path> found = new TreeSet<>();
        visit(inodes, (process, _) -> found.add(process));
        return found;
    }

    /** Takes a socket that a process has open. */
    private interface Opened {
        void socket(Path process, long inode) throws IOException;
    }

    /**
     * Goes through all processes that have sockets open.
     *
     * @return false where there is no /proc, so that nothing can be said
     */
    private static boolean visit(Set<Long> inodes, Opened opened) {
        if (inodes.isEmpty()) {
            return true;
        }
        try (DirectoryStream<Path> all = Files.newDirectoryStream(Path.of("/proc"), "[0-9]*")) {
            for (Path process : all) {
                try (DirectoryStream<Path> files = Files.newDirectoryStream(process.resolve("fd"))) {
                    for (Path file : files) {
                        long inode = socket(file);
                        if (inodes.contains(inode)) {
                            opened.socket(process, inode);
                        }
                    }
                } catch (IOException | DirectoryIteratorException e) {
                    // it ended meanwhile, or is not ours to see
                }
            }
            return true;
        } catch (IOException | DirectoryIteratorException e) {
            return false;
        }
    }

    /** As a process calls itself, which may be anything. */
    private static String name(Path process) throws IOException {
        return BadValue.printable(ProcFile.read(process.resolve("comm")).strip());
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
        return last(ProcFile.read(process.resolve("status")), "Gid:");
    }

    /** The last number of a line of /proc/PID/status: that of the file system, by which new sockets go. */
    private static long last(String status, String field) {
        int start = status.indexOf("\n" + field);
        int end = status.indexOf('\n', start + 1);
        return Long.parseLong(status.substring(status.lastIndexOf('\t', end) + 1, end));
    }
}
