package io.meshcapture.kernel;

import io.meshcapture.lab.Run;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/** Scripts in the place of programs of the machine, for the calling thread's mount namespace. */
final class Replaced {
    private static final Path PROGRAMS = Path.of("/usr/sbin");

    private Replaced() {}

    /**
     * Replaces programs; the real ones are in {@code /run/real}.
     *
     * @param script what to do instead of {@code $name}, the empty text for a program that is not there
     */
    static void programs(String script, String... programs) throws IOException {
        Path over = Files.createDirectories(Path.of("/run/over/upper"));
        Files.createDirectories(Path.of("/run/over/work"));
        Files.createDirectories(Path.of("/run/real"));
        Run.command("mount", "--bind", PROGRAMS.toString(), "/run/real").orFail();
        String layers = "lowerdir=/run/real,upperdir=" + over + ",workdir=/run/over/work";
        Run.command("mount", "-t", "overlay", "overlay", "-o", layers, PROGRAMS.toString())
                .orFail();
        for (String program : programs) {
            Path path = PROGRAMS.resolve(program);
            Files.delete(path);
            if (!script.isEmpty()) {
                Files.writeString(path, "#!/bin/sh\nname=${0##*/}\n" + script);
                Run.command("chmod", "755", path.toString()).orFail();
            }
        }
    }

    static void programsAreBack() {
        Run.command("umount", PROGRAMS.toString()).orFail();
    }
}
