package io.meshcapture.system;

import io.meshcapture.failure.Failure;
import io.meshcapture.plan.BadValue;
import io.meshcapture.plan.CgroupPath;
import io.meshcapture.plan.UnitName;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.regex.Pattern;
import java.util.stream.Stream;

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
     * @throws BadValue where it has none: it does not exist or is not running
     */
    public static List<String> of(UnitName unit) throws BadValue {
        requireVersion2();
        Pattern wanted = Pattern.compile(Pattern.quote(unit.value()).replace("*", "\\E.*\\Q"));
        Path usual = ROOT.resolve("system.slice").resolve(unit.value());
        if (unit.value().indexOf('*') < 0 && Files.isDirectory(usual)) {
            return List.of(ROOT.relativize(usual).toString());
        }
        try (Stream<Path> all = Files.find(
                ROOT,
                DEEPEST,
                (path, attributes) -> attributes.isDirectory()
                        && wanted.matcher(path.getFileName().toString()).matches())) {
            List<String> found =
                    all.map(path -> ROOT.relativize(path).toString()).sorted().toList();
            if (!found.isEmpty()) {
                return found;
            }
        } catch (IOException | UncheckedIOException e) {
            throw new BadValue(
                    "unit " + BadValue.quote(unit.value()) + " cannot be looked up (" + e.getMessage() + ")",
                    "run meshcapture where it may read " + ROOT);
        }
        throw new BadValue(
                "unit " + BadValue.quote(unit.value()) + " has no control group on this host",
                "start it first, correct the name, or name its user instead");
    }

    /**
     * Makes sure that a control group is there.
     *
     * @throws BadValue where it is not
     */
    public static String of(CgroupPath path) throws BadValue {
        requireVersion2();
        if (!Files.isDirectory(ROOT.resolve(path.value()))) {
            throw new BadValue(
                    "cgroup " + BadValue.quote(path.toString()) + " does not exist on this host",
                    "start what runs in it first, or correct the path");
        }
        return path.value();
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
