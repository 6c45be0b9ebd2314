package io.meshcapture.container;

import com.github.dockerjava.api.model.AccessMode;
import com.github.dockerjava.api.model.Bind;
import com.github.dockerjava.api.model.Capability;
import com.github.dockerjava.api.model.HostConfig;
import com.github.dockerjava.api.model.Volume;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.function.Consumer;
import java.util.stream.Stream;
import org.testcontainers.containers.Container.ExecResult;
import org.testcontainers.containers.ExecConfig;
import org.testcontainers.containers.GenericContainer;
import org.testcontainers.containers.wait.strategy.Wait;
import org.testcontainers.images.builder.ImageFromDockerfile;
import org.testcontainers.utility.DockerImageName;

/**
 * A container of Debian 13 with the distribution in /opt/meshcapture, a stand-in for Envoy on its listeners, and none of
 * the usual places to write.
 */
final class Debian13 implements AutoCloseable {
    private static final String BASE = "debian13-of-the-tests";
    private static final String INSTALLED = "meshcapture-of-the-tests";
    private static final List<String> FILES =
            List.of("envoy.py", "call.py", "network", "apply-plans", "plan.yaml", "wrong.yaml", "passwd", "group");

    private final GenericContainer<?> container;

    private Debian13(GenericContainer<?> container) {
        this.container = container;
    }

    /** How a command ended. */
    record Ending(int code, String out, String err) {
        /** What it printed; it must have ended with 0. */
        String orFail() {
            if (code != 0) {
                throw new AssertionError(this);
            }
            return out;
        }
    }

    /** Makes the image: the base, the distribution, and what the tests run; the plans, by their names, in a directory. */
    static void build(Engine engine, Map<String, Path> plans) {
        engine.importDebian13(BASE);
        ImageFromDockerfile image = new ImageFromDockerfile(INSTALLED, false)
                .withFileFromPath("meshcapture", distribution())
                .withDockerfileFromBuilder(file -> {
                    file.from(BASE).copy("meshcapture", "/opt/meshcapture");
                    FILES.forEach(name -> file.copy(name, "/opt/test/" + name));
                    file.copy("passwd", "/etc/passwd").copy("group", "/etc/group");
                    plans.keySet().forEach(name -> file.copy(name, "/opt/test/plans/" + name));
                    ownLibc().ifPresent(directory -> file.copy("libc", directory.toString()));
                    file.env("PATH", "/opt/meshcapture/bin:/usr/sbin:/usr/bin:/sbin:/bin");
                    file.build();
                });
        FILES.forEach(name -> image.withFileFromClasspath(name, "io/meshcapture/container/" + name));
        plans.forEach(image::withFileFromPath);
        ownLibc().ifPresent(directory -> addLibraries(image, directory));
        image.get();
    }

    /** One by one, because Testcontainers leaves symbolic links out. */
    private static void addLibraries(ImageFromDockerfile image, Path directory) {
        try (Stream<Path> libraries = Files.list(directory)) {
            for (Path library : libraries.filter(Files::isRegularFile).toList()) {
                image.withFileFromPath("libc/" + directory.relativize(library), library.toRealPath());
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static Path distribution() {
        Path home = Path.of(System.getProperty("meshcapture.distribution", "target/meshcapture"))
                .toAbsolutePath();
        if (!Files.isExecutable(home.resolve("bin/meshcapture"))) {
            throw new AssertionError("no distribution in " + home + "; scripts/build makes it");
        }
        return home;
    }

    /**
     * On a machine that has no JDK 25 of its own, the distribution starts with a C library by its absolute path, see
     * scripts/build.d/debian13-jdk.
     */
    private static Optional<Path> ownLibc() {
        try {
            Path named = Path.of(System.getProperty("java.home"), "own-libc");
            return Files.exists(named)
                    ? Optional.of(Path.of(Files.readString(named).strip()))
                    : Optional.empty();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** One with the capability NET_ADMIN, a way out of its network, and this in the environment. */
    static Debian13 start(Map<String, String> environment) {
        return start(environment, host -> host.withCapAdd(Capability.NET_ADMIN)).withAWayOut();
    }

    /** One that may use iptables-legacy too, which asks for a raw socket; its lock lies where the container can write. */
    static Debian13 startForIptables(String backend, Map<String, String> environment) {
        Map<String, String> all = new HashMap<>(environment);
        all.put("MESHCAPTURE_BACKEND", backend);
        all.put("XTABLES_LOCKFILE", "/dev/xtables.lock");
        return start(all, host -> host.withCapAdd(Capability.NET_ADMIN, Capability.NET_RAW))
                .withAWayOut();
    }

    static Debian13 startWithoutCapabilities(Map<String, String> environment) {
        return start(environment, host -> {});
    }

    /** One without capabilities that may write to its own files, its hosts file among them. */
    static Debian13 startWritable() {
        return start(Map.of(), host -> host.withReadonlyRootfs(false));
    }

    /** The engine ends it and starts it again, with the same files. */
    void restart() {
        container
                .getDockerClient()
                .restartContainerCmd(container.getContainerId())
                .withTimeout(0)
                .exec();
    }

    /** One that sees the machine's control groups of version 2, as a node's agent does. */
    static Debian13 startWithControlGroups() {
        String hybrid = "/sys/fs/cgroup/unified";
        String groups = Files.isDirectory(Path.of(hybrid)) ? hybrid : "/sys/fs/cgroup";
        return start(
                        Map.of(),
                        host -> host.withCapAdd(Capability.NET_ADMIN)
                                .withCgroupnsMode("host")
                                .withBinds(new Bind(groups, new Volume("/sys/fs/cgroup"), AccessMode.ro)))
                .withAWayOut();
    }

    private static Debian13 start(Map<String, String> environment, Consumer<HostConfig> more) {
        GenericContainer<?> container = new GenericContainer<>(DockerImageName.parse(INSTALLED))
                .withImagePullPolicy(name -> false)
                .withNetworkMode("none")
                .withEnv(environment)
                .withCreateContainerCmdModifier(command -> {
                    command.withUser("envoy");
                    // no /dev/shm either
                    HostConfig host = Objects.requireNonNull(command.getHostConfig())
                            .withReadonlyRootfs(true)
                            .withIpcMode("none")
                            .withCapDrop(Capability.ALL);
                    more.accept(host);
                })
                .withCommand("python3", "/opt/test/envoy.py")
                .waitingFor(Wait.forLogMessage("listening\n", 1));
        container.start();
        return new Debian13(container);
    }

    private Debian13 withAWayOut() {
        run("sh", "/opt/test/network").orFail();
        return this;
    }

    Ending meshcapture(String... arguments) {
        String[] command = new String[arguments.length + 1];
        command[0] = "meshcapture";
        System.arraycopy(arguments, 0, command, 1, arguments.length);
        return run(command);
    }

    /** The same with this plan on its standard input. */
    Ending meshcaptureReading(String plan, String command) {
        return run("sh", "-c", "printf %s \"$1\" | meshcapture \"$2\" -f -", "sh", plan, command);
    }

    /** Who answers a connection of that user. */
    String call(int uid, String address, int port) {
        return as(uid, "python3", "/opt/test/call.py", address, Integer.toString(port))
                .orFail()
                .strip();
    }

    String nft(String... arguments) {
        String[] command = new String[arguments.length + 1];
        command[0] = "nft";
        System.arraycopy(arguments, 0, command, 1, arguments.length);
        return run(command).orFail();
    }

    /** Runs a command as root. */
    Ending run(String... command) {
        return as(0, command);
    }

    Ending as(int uid, String... command) {
        try {
            ExecResult result = container.execInContainer(ExecConfig.builder()
                    .user(Integer.toString(uid))
                    .command(command)
                    .build());
            return new Ending(result.getExitCode(), result.getStdout(), result.getStderr());
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        } catch (InterruptedException e) {
            throw new AssertionError(e);
        }
    }

    @Override
    public void close() {
        container.stop();
    }
}
