package io.meshcapture.system;

import io.meshcapture.failure.Failure;
import io.meshcapture.plan.BadValue;
import io.meshcapture.plan.CgroupPath;
import io.meshcapture.plan.UnitName;
import java.io.IOException;
import java.nio.file.DirectoryIteratorException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.OptionalLong;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.regex.Pattern;

/** Control groups of cgroup v2. */
public final class ControlGroups {

    /** Where libnftables looks for them, whatever else is mounted elsewhere (src/datatype.c of nftables). */
    private static final Path ROOT = Path.of("/sys/fs/cgroup");

    /** systemd nests slices and scopes; user sessions are the deepest with seven levels. */
    private static final int DEEPEST = 12;

    private ControlGroups() {}

    /**
     * The control groups of a unit, as paths below the root.
     *
     * @throws BadValue where it has none, since it does not exist or is not running, or where it is not the only one
     */
    public static List<String> of(UnitName unit) throws BadValue {
        List<String> running = running(unit);
        if (running.isEmpty()) {
            throw new BadValue(
                    "unit " + BadValue.quote(unit.value()) + " has no control group on this host",
                    "start it first, correct the name, name its user instead, or apply the other services by their names");
        }
        return running;
    }

    /**
     * Likewise; none where it does not run. Of a template, {@code orders@*.service}, those of every instance that runs.
     *
     * @throws BadValue where it is not the only one of its name, or cannot be looked up
     */
    public static List<String> running(UnitName unit) throws BadValue {
        requireVersion2();
        Pattern wanted = Pattern.compile(Pattern.quote(unit.value()).replace("*", "\\E.*\\Q"));
        Path usual = ROOT.resolve("system.slice").resolve(unit.value());
        if (unit.value().indexOf('*') < 0 && Files.isDirectory(usual)) {
            return List.of(ROOT.relativize(usual).toString());
        }
        List<String> found;
        try {
            found = find(ROOT, wanted);
        } catch (IOException | DirectoryIteratorException e) {
            throw new BadValue(
                    "unit " + BadValue.quote(unit.value()) + " cannot be looked up (" + e.getMessage() + ")",
                    "run meshcapture where it may read " + ROOT);
        }
        if (found.size() > 1 && unit.value().indexOf('*') < 0) {
            throw new BadValue(
                    "unit " + BadValue.quote(unit.value()) + " could be " + found.get(0) + " or " + found.get(1),
                    "write which one with cgroup: " + found.get(0));
        }
        return found;
    }

    /**
     * The directories below the root whose name is wanted, as paths below it.
     *
     * <p>Only where nobody but the administrator makes them: a service or scope may be handed over to those who run in it,
     * and so may any directory of another owner (Delegate= in systemd.resource-control(5)). What they call theirs is not
     * looked at, or they could pass for a unit whose traffic is captured, or bring about that it is not.
     */
    static List<String> find(Path root, Pattern wanted) throws IOException {
        List<String> found = new ArrayList<>();
        look(root, root, wanted, 1, found);
        found.sort(null);
        return found;
    }

    private static void look(Path root, Path directory, Pattern wanted, int depth, List<String> found)
            throws IOException {
        try (DirectoryStream<Path> entries = Files.newDirectoryStream(directory)) {
            for (Path entry : entries) {
                if (Files.isDirectory(entry, LinkOption.NOFOLLOW_LINKS)) {
                    if (wanted.matcher(entry.getFileName().toString()).matches()) {
                        found.add(root.relativize(entry).toString());
                    }
                    if (depth < DEEPEST && !isHandedOver(root, entry)) {
                        look(root, entry, wanted, depth + 1, found);
                    }
                }
            }
        } catch (IOException | DirectoryIteratorException e) {
            if (directory.equals(root) || Files.exists(directory)) {
                throw e;
            }
            // units come and go
        }
    }

    private static boolean isHandedOver(Path root, Path directory) throws IOException {
        String name = directory.getFileName().toString();
        if (name.endsWith(".service") || name.endsWith(".scope")) {
            return true;
        }
        try {
            return !Files.getAttribute(directory, "unix:uid").equals(Files.getAttribute(root, "unix:uid"));
        } catch (NoSuchFileException _) {
            return true;
        }
    }

    /**
     * Makes sure that a control group is there.
     *
     * @throws BadValue where it is not
     */
    public static String of(CgroupPath path) throws BadValue {
        if (!isThere(path)) {
            throw new BadValue(
                    "cgroup " + BadValue.quote(path.toString()) + " does not exist on this host",
                    "start what runs in it first, correct the path, or apply the other services by their names");
        }
        return path.value();
    }

    /** Whether it is there. */
    public static boolean isThere(CgroupPath path) {
        requireVersion2();
        return Files.isDirectory(ROOT.resolve(path.value()));
    }

    /**
     * The paths of control groups by their ids, as far as they are one of some candidates or below one. The id of a control
     * group is the inode number of its directory (cgroup_ino() in linux/cgroup.h, on 64 bit), so only these are looked at,
     * and their subtrees only while an id is missing. One that has been removed has no path any more.
     *
     * @param candidates paths below the root, without a leading slash
     * @param ids as sockets tell them
     */
    public static Map<Long, String> paths(Collection<String> candidates, Set<Long> ids) {
        return paths(ROOT, candidates, ids);
    }

    static Map<Long, String> paths(Path root, Collection<String> candidates, Set<Long> ids) {
        Map<Long, String> found = new HashMap<>();
        Set<Long> missing = new HashSet<>(ids);
        missing.remove(0L);
        for (String candidate : candidates) {
            identify(root, root.resolve(candidate), missing, found);
        }
        for (String candidate : candidates) {
            descend(root, root.resolve(candidate), 1, missing, found);
        }
        return found;
    }

    private static void identify(Path root, Path directory, Set<Long> missing, Map<Long, String> found) {
        try {
            Long id = missing.isEmpty() ? null : (Long) Files.getAttribute(directory, "unix:ino");
            if (id != null && missing.remove(id)) {
                found.put(id, root.relativize(directory).toString());
            }
        } catch (IOException e) {
            // groups come and go
        }
    }

    private static void descend(Path root, Path directory, int depth, Set<Long> missing, Map<Long, String> found) {
        if (missing.isEmpty() || depth > DEEPEST) {
            return;
        }
        try (DirectoryStream<Path> entries = Files.newDirectoryStream(directory)) {
            for (Path entry : entries) {
                if (Files.isDirectory(entry, LinkOption.NOFOLLOW_LINKS)) {
                    identify(root, entry, missing, found);
                    descend(root, entry, depth + 1, missing, found);
                }
            }
        } catch (IOException | DirectoryIteratorException e) {
            // groups come and go
        }
    }

    /** Held while this process is elsewhere: there is one control group for all its threads. */
    private static final Object MOVING = new Object();

    /**
     * Does something in a control group, and comes back. What is opened meanwhile belongs to that group for ever; memory
     * stays charged to the one that it was taken in (cgroup-v2.rst, Memory Ownership). Processes are only in groups that
     * hand no controllers on, so this goes to the first below that takes one.
     *
     * @param path below the root
     * @throws IOException where this process cannot go there or would not come back
     */
    public static <T> T within(String path, Callable<T> work) throws Exception {
        Path group = ROOT.resolve(path);
        Path home = home();
        synchronized (MOVING) {
            moveInto(group);
            try {
                return work.call();
            } finally {
                move(home);
            }
        }
    }

    private static Path home() throws IOException {
        for (String line : ProcFile.read(Path.of("/proc/self/cgroup")).split("\n", -1)) {
            if (line.startsWith("0::/")) {
                Path home = ROOT.resolve(line.substring("0::/".length())).normalize();
                if (home.startsWith(ROOT) && !line.contains("/..")) {
                    return home;
                }
            }
        }
        throw new IOException("this process's own control group is not visible from here");
    }

    private static void moveInto(Path group) throws IOException {
        if (ProcFile.read(group.resolve("cgroup.events")).contains("frozen 1")) {
            throw new IOException("control group /" + ROOT.relativize(group) + " is frozen");
        }
        try {
            move(group);
        } catch (IOException e) {
            try (DirectoryStream<Path> entries = Files.newDirectoryStream(group)) {
                for (Path entry : entries) {
                    if (Files.isDirectory(entry, LinkOption.NOFOLLOW_LINKS)) {
                        moveInto(entry);
                        return;
                    }
                }
            }
            throw e;
        }
    }

    private static void move(Path group) throws IOException {
        Files.writeString(group.resolve("cgroup.procs"), "0", StandardOpenOption.WRITE);
    }

    /** The id of a control group, which is the inode number of its directory; empty where it is not there. */
    public static OptionalLong id(String path) {
        try {
            return OptionalLong.of((Long) Files.getAttribute(ROOT.resolve(path), "unix:ino"));
        } catch (IOException e) {
            return OptionalLong.empty();
        }
    }

    private static void requireVersion2() {
        if (!Files.exists(ROOT.resolve("cgroup.controllers"))) {
            boolean hybrid = Files.exists(ROOT.resolve("unified/cgroup.controllers"));
            throw new Failure.Unavailable(
                    "callers cannot be told by unit or cgroup here",
                    hybrid
                            ? "cgroup v2 is mounted at " + ROOT.resolve("unified")
                                    + ", and libnftables looks for it at " + ROOT
                            : "cgroup v2 is not mounted at " + ROOT,
                    "name the service's user instead, or boot with systemd.unified_cgroup_hierarchy=1");
        }
    }
}
