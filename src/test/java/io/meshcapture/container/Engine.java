package io.meshcapture.container;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.UncheckedIOException;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.testcontainers.DockerClientFactory;

/**
 * A Docker Engine that is there as long as a pipe to it is open: when this JVM ends, however it ends, the engine and all
 * its containers are gone. One for the whole JVM, since Testcontainers remembers the first that it finds.
 */
final class Engine implements AutoCloseable {

    private static @Nullable Engine running;

    private final Process process;
    private final Path socket;

    private Engine(Process process, Path socket) {
        this.process = process;
        this.socket = socket;
    }

    /** The one of this JVM; it ends with it, because every class of tests is a run of its own to JUnit. */
    static synchronized Engine open() {
        if (running == null) {
            running = start();
            Runtime.getRuntime().addShutdownHook(new Thread(running::close));
        }
        return running;
    }

    private static Engine start() {
        try {
            Process process = new ProcessBuilder(script("docker"), "sh", "-c", "echo \"$DOCKER_HOST\"; exec cat")
                    .redirectError(ProcessBuilder.Redirect.INHERIT)
                    .start();
            // it says one line, and has a bound of its own for how long that takes
            String host = new BufferedReader(new InputStreamReader(process.getInputStream(), StandardCharsets.UTF_8))
                    .readLine();
            if (host == null) {
                throw new AssertionError("no Docker Engine; test-env/docker said why and ended with "
                        + process.onExit().join().exitValue());
            }
            Engine engine = new Engine(process, Path.of(URI.create(host).getPath()));
            engine.tellTestcontainers(URI.create(host));
            return engine;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** Its answer decides: no container may ever be made by the machine's own Docker, whatever its user has configured. */
    private void tellTestcontainers(URI host) {
        EngineOfTheTests.isAt(host);
        URI found = DockerClientFactory.instance().getTransportConfig().getDockerHost();
        if (!found.equals(host)) {
            close();
            throw new AssertionError("Testcontainers talks to " + found + " instead of " + host
                    + "; move ~/.testcontainers.properties away");
        }
    }

    /** Makes an image of Debian 13's root file system. */
    void importDebian13(String name) {
        post("images/create?fromSrc=-&repo=" + name, output(script("debian13"), "image"), "sha256:");
    }

    /** Takes images from an archive that a script of test-env makes; the path is the last word that it prints. */
    void load(String file, String script, String... arguments) {
        List<String> command = new ArrayList<>(List.of(script(script)));
        command.addAll(List.of(arguments));
        post("images/load", output(command.toArray(String[]::new)).strip() + file, "Loaded image");
    }

    /** By curl, because docker-java breaks off large streams. */
    private void post(String where, String archive, String success) {
        String answer = output(
                "curl",
                "--silent",
                "--show-error",
                "--unix-socket",
                socket.toString(),
                "--header",
                "Transfer-Encoding: chunked",
                "--request",
                "POST",
                "--upload-file",
                archive.strip(),
                "http://engine/" + where);
        if (!answer.contains(success)) {
            throw new AssertionError("the Docker Engine did not take " + archive.strip() + ": " + answer);
        }
    }

    /** A directory that the engine sees too; its containers can mount what lies there. */
    Path shared() {
        return Objects.requireNonNull(socket.getParent());
    }

    /** Where the engine sees what lies in {@link #shared}. */
    static Path asSeenByTheEngine(Path shared) {
        return Path.of("/run/socket").resolve(Objects.requireNonNull(shared.getFileName()));
    }

    /** What a program of this machine prints; it must end with 0. */
    static String output(String... command) {
        try {
            Process process = new ProcessBuilder(command)
                    .redirectError(ProcessBuilder.Redirect.INHERIT)
                    .start();
            String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
            int exit = process.onExit().join().exitValue();
            if (exit != 0) {
                throw new AssertionError(String.join(" ", command) + " ended with " + exit);
            }
            return output;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static String script(String name) {
        return Path.of("test-env", name).toAbsolutePath().toString();
    }

    /** Ends it, and sees that nothing of it is left. */
    @Override
    public void close() {
        try {
            process.getOutputStream().close();
            if (!process.waitFor(30, TimeUnit.SECONDS)) {
                throw new AssertionError("the Docker Engine did not end; its process is " + process.pid());
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        } catch (InterruptedException e) {
            throw new AssertionError(e);
        }
        List<Path> places = List.of(socket, socket.resolve("../..").normalize());
        for (Path place : places) {
            if (Files.exists(place)) {
                throw new AssertionError("the Docker Engine left " + place);
            }
        }
    }
}
