package io.meshcapture.doctor;

import java.io.IOException;
import java.nio.file.DirectoryIteratorException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.TreeMap;
import java.util.TreeSet;

/**
 * As whom Envoy runs: its own traffic is told by that user, so nobody else should be it.
 *
 * @param namespace of network whose processes count, as in {@code net:[4026531840]}
 */
record EnvoyProcesses(HostFiles files, String namespace) implements Examination {

    @Override
    public List<Finding> examine() {
        TreeMap<Long, TreeSet<Long>> pidsByUser = new TreeMap<>();
        try (DirectoryStream<Path> all = Files.newDirectoryStream(files.at("/proc"), "[0-9]*")) {
            for (Path process : all) {
                look(process.getFileName().toString(), pidsByUser);
            }
        } catch (IOException | DirectoryIteratorException e) {
            return List.of();
        }
        List<Finding> findings = new ArrayList<>();
        if (pidsByUser.isEmpty()) {
            findings.add(Finding.note(
                    Topic.CALLERS,
                    "callers.no-envoy",
                    "no process called envoy is seen in this network namespace",
                    "connections that are captured before it listens are refused",
                    "start it first, or wait for it with: meshcapture apply --wait-envoy 30s"));
        }
        if (pidsByUser.containsKey(0L)) {
            findings.add(Finding.warning(
                    Topic.CALLERS,
                    "callers.envoy-is-root",
                    "Envoy runs as root (pid " + Samples.of(pidsByUser.getOrDefault(0L, new TreeSet<>())) + ")",
                    "its own traffic is told by its user, so no connection of any root process would be captured",
                    "run Envoy as a user of its own"));
        }
        pidsByUser.remove(0L);
        pidsByUser.forEach((uid, pids) -> findings.add(Finding.ok(
                Topic.CALLERS, "callers.envoy", "Envoy runs as uid " + uid + " (pid " + Samples.of(pids) + ")")));
        return findings;
    }

    private void look(String pid, TreeMap<Long, TreeSet<Long>> pidsByUser) {
        String name = files.read("/proc/" + pid + "/comm");
        String status = name == null || !name.startsWith("envoy") ? null : files.read("/proc/" + pid + "/status");
        if (status == null || !isHere(pid)) {
            return;
        }
        status.lines()
                .filter(line -> line.startsWith("Uid:"))
                .map(line -> line.strip().split("\\s+", -1))
                .filter(words -> words.length > 4)
                .findFirst()
                .ifPresent(words -> pidsByUser
                        .computeIfAbsent(Long.valueOf(words[4]), any -> new TreeSet<>())
                        .add(Long.valueOf(pid)));
    }

    private boolean isHere(String pid) {
        try {
            return Files.readSymbolicLink(files.at("/proc/" + pid + "/ns/net"))
                    .toString()
                    .equals(namespace);
        } catch (IOException e) {
            return false; // it ended meanwhile, or is not ours to see
        }
    }
}
