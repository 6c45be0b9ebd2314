package io.meshcapture.distribution;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.FileTime;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.function.UnaryOperator;

/** A distribution in a directory, and how to run it. */
record Distribution(Path home) {

    private static final Duration PATIENCE = Duration.ofSeconds(60);

    /** How a program ended. */
    record Ending(int code, String out, String err) {}

    /** The one that the build made. */
    static Distribution built() {
        String directory = System.getProperty("meshcapture.distribution", "target/meshcapture");
        Path home = Path.of(directory).toAbsolutePath();
        if (!Files.isExecutable(home.resolve("bin/meshcapture"))) {
            throw new AssertionError("no distribution in " + home + "; scripts/build makes it");
        }
        return new Distribution(home);
    }

    /** A copy, with all times kept, that a test may spoil. */
    Distribution copiedTo(Path directory) {
        Path copy = directory.resolve("meshcapture");
        Ending ending = run(List.of("cp", "-a", home.toString(), copy.toString()), Map.of(), "");
        if (ending.code() != 0) {
            throw new AssertionError(ending);
        }
        return new Distribution(copy);
    }

    /** A copy that starts another class, with the class path of the tests, and so without the start-up cache. */
    Distribution startingInstead(Path directory, Class<?> main) {
        Distribution copy = copiedTo(directory);
        String classes;
        try {
            classes = Path.of(main.getProtectionDomain()
                            .getCodeSource()
                            .getLocation()
                            .toURI())
                    .toString();
        } catch (java.net.URISyntaxException e) {
            throw new AssertionError(e);
        }
        copy.rewriteOptions(
                text -> text.replaceAll("-cp\n.*\n.*\n$", "-cp\n" + classes + "\n" + main.getName() + "\n"));
        return copy;
    }

    void rewriteOptions(UnaryOperator<String> change) {
        try {
            Path options = home.resolve("lib/options");
            Files.writeString(options, change.apply(Files.readString(options)));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    Path launcher() {
        return home.resolve("bin/meshcapture");
    }

    Path jar() {
        return home.resolve("lib/app/meshcapture.jar");
    }

    /** Puts another file in the place of one, as {@code cp -a} of a reproducible build would: with the same time. */
    void replace(Path file, Path other) throws IOException {
        FileTime time = Files.getLastModifiedTime(file);
        Files.copy(other, file, StandardCopyOption.REPLACE_EXISTING);
        Files.setLastModifiedTime(file, time);
    }

    Ending run(String... arguments) {
        List<String> command = new ArrayList<>(List.of(launcher().toString()));
        command.addAll(List.of(arguments));
        return run(command, Map.of("PATH", "/usr/sbin:/usr/bin:/sbin:/bin"), "");
    }

    /** Runs a shell script, in which {@code $meshcapture} is the launcher. */
    Ending shell(String script) {
        return run(
                List.of("/bin/sh", "-euc", script),
                Map.of(
                        "PATH",
                        "/usr/sbin:/usr/bin:/sbin:/bin",
                        "meshcapture",
                        launcher().toString(),
                        "home",
                        home.toString()),
                "");
    }

    /**
     * The same, where nothing that the script mounts or does to the network is seen by anybody else. The distribution
     * stands under /run there, which is empty but for it, so that the script may cover or lock every other place.
     */
    Ending shellApart(String script) {
        String plan =
                Path.of("src/main/launcher/training-plan.yaml").toAbsolutePath().toString();
        return run(
                List.of(
                        "unshare",
                        "--net",
                        "--mount",
                        "/bin/sh",
                        "-euc",
                        "mount -t tmpfs none /run; mkdir /run/home; mount --bind \"$home\" /run/home;"
                                + " cp \"$plan\" /run/plan.yaml; cp /etc/hosts /run/hosts;"
                                + " mount --bind /run/hosts /etc/hosts;"
                                + " plan=/run/plan.yaml meshcapture=/run/home/bin/meshcapture\n"
                                + script),
                Map.of("PATH", "/usr/sbin:/usr/bin:/sbin:/bin", "home", home.toString(), "plan", plan),
                "");
    }

    static Ending run(List<String> command, Map<String, String> environment, String input) {
        return run(command, environment, input, PATIENCE);
    }

    static Ending run(List<String> command, Map<String, String> environment, String input, Duration patience) {
        try {
            Path out = Files.createTempFile("out", ".txt");
            Path err = Files.createTempFile("err", ".txt");
            try {
                ProcessBuilder builder =
                        new ProcessBuilder(command).redirectOutput(out.toFile()).redirectError(err.toFile());
                builder.environment().clear();
                builder.environment().putAll(environment);
                Process process = builder.start();
                try (var stdin = process.getOutputStream()) {
                    stdin.write(input.getBytes(StandardCharsets.UTF_8));
                }
                if (!process.waitFor(patience.toSeconds(), TimeUnit.SECONDS)) {
                    process.destroyForcibly();
                    throw new AssertionError(command + " did not end within " + patience);
                }
                return new Ending(process.exitValue(), Files.readString(out), Files.readString(err));
            } finally {
                Files.delete(out);
                Files.delete(err);
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        } catch (InterruptedException e) {
            throw new AssertionError(e);
        }
    }
}
