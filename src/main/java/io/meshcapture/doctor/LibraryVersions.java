package io.meshcapture.doctor;

import io.meshcapture.failure.Failure;
import java.util.ArrayList;
import java.util.List;

/**
 * The one library that comes from the host, and the programs that do where it is missing.
 *
 * @param load loads it
 * @param iptables what is installed of iptables
 */
record LibraryVersions(HostFiles files, Runnable load, List<String> iptables) implements Examination {

    private static final String MAPS = "/proc/self/maps";
    private static final String DEBIAN = "/var/lib/dpkg/status";

    @Override
    public List<Finding> examine() {
        List<Finding> findings = new ArrayList<>();
        findings.add(ofIptables());
        try {
            load.run();
        } catch (Failure.Unavailable missing) {
            findings.addAll(Finding.of(Topic.LIBRARIES, "libraries.libnftables", missing));
            return findings;
        }
        String version = debianVersion();
        findings.add(Finding.ok(
                Topic.LIBRARIES,
                "libraries.libnftables",
                "libnftables" + (version.isEmpty() ? "" : " " + version) + " is loaded" + path()));
        return findings;
    }

    private Finding ofIptables() {
        return Finding.ok(
                Topic.LIBRARIES,
                "libraries.iptables",
                iptables.isEmpty()
                        ? "no iptables is installed: the backends iptables-nft and iptables-legacy are not to be had"
                        : "installed: " + String.join(", ", iptables));
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
