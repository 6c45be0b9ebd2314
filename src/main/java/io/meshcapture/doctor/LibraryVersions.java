package io.meshcapture.doctor;

import io.meshcapture.failure.Failure;
import java.util.List;

/**
 * The one library that comes from the host.
 *
 * @param load loads it
 */
record LibraryVersions(HostFiles files, Runnable load) implements Examination {

    private static final String MAPS = "/proc/self/maps";
    private static final String DEBIAN = "/var/lib/dpkg/status";

    @Override
    public List<Finding> examine() {
        try {
            load.run();
        } catch (Failure.Unavailable missing) {
            return Finding.of(Topic.LIBRARIES, "libraries.libnftables", missing);
        }
        String version = debianVersion();
        return List.of(Finding.ok(
                Topic.LIBRARIES,
                "libraries.libnftables",
                "libnftables" + (version.isEmpty() ? "" : " " + version) + " is loaded" + path()));
    }

    private String path() {
        String maps = files.read(MAPS);
        return maps == null
                ? ""
                : maps.lines()
                        .filter(line -> line.contains("/libnftables.so"))
                        .map(line -> " from " + line.substring(line.indexOf('/')))
                        .findFirst()
                        .orElse("");
    }

    private String debianVersion() {
        String status = files.read(DEBIAN);
        int at = status == null ? -1 : status.indexOf("Package: libnftables1\n");
        if (status == null || at < 0) {
            return "";
        }
        return status.substring(at)
                .lines()
                .takeWhile(line -> !line.isEmpty())
                .filter(line -> line.startsWith("Version: "))
                .map(line -> line.substring("Version: ".length()))
                .findFirst()
                .orElse("");
    }
}
