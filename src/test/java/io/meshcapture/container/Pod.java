package io.meshcapture.container;

import com.github.dockerjava.api.DockerClient;
import com.github.dockerjava.api.model.AccessMode;
import com.github.dockerjava.api.model.Bind;
import com.github.dockerjava.api.model.Capability;
import com.github.dockerjava.api.model.ContainerNetwork;
import com.github.dockerjava.api.model.HostConfig;
import com.github.dockerjava.api.model.Network.Ipam;
import com.github.dockerjava.api.model.Volume;
import io.meshcapture.lab.Await;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.TimeUnit;
import java.util.function.UnaryOperator;
import org.testcontainers.DockerClientFactory;
import org.testcontainers.containers.Container.ExecResult;
import org.testcontainers.containers.ExecConfig;
import org.testcontainers.containers.GenericContainer;
import org.testcontainers.containers.Network;
import org.testcontainers.containers.output.OutputFrame.OutputType;
import org.testcontainers.utility.DockerImageName;
import org.testcontainers.utility.LogUtils;

/**
 * What a pod of Kubernetes is, in Docker's words: containers in the network namespace of the first. An application that
 * nobody modified, an Envoy, and the init image, which runs as the kubelet would run it; and beside the pod something to call.
 */
final class Pod implements AutoCloseable {
    private static final int ENVOY = 1337;
    private static final Duration PATIENCE = Duration.ofSeconds(30);

    /** What {@link #call} goes by, and those in Go and for the JVM: each opens its socket in a way of its own. */
    static final List<String> CLIENTS = List.of("curl", "python", "java", "go");

    /** A network with both families, and somebody on it to call; one for all pods, since it ends with the engine. */
    private static final class Outside {
        static final Network NETWORK = Network.builder()
                .enableIpv6(true)
                .createNetworkCmdModifier(command -> command.withIpam(new Ipam()
                        .withConfig(List.of(
                                new Ipam.Config().withSubnet("10.77.0.0/24"),
                                new Ipam.Config().withSubnet("fd00:77::/64")))))
                .build();

        /** Addresses, IPv4 first. */
        static final List<String> UPSTREAM = started();

        private static List<String> started() {
            GenericContainer<?> upstream =
                    container("python3", "/opt/upstream.py").withNetwork(NETWORK);
            upstream.start();
            ContainerNetwork there = upstream.getContainerInfo()
                    .getNetworkSettings()
                    .getNetworks()
                    .values()
                    .iterator()
                    .next();
            return List.of(
                    Objects.requireNonNull(there.getIpAddress()), Objects.requireNonNull(there.getGlobalIPv6Address()));
        }
    }

    private final DockerClient docker = DockerClientFactory.instance().client();
    private final List<AutoCloseable> parts = new ArrayList<>();
    private final Engine engine;
    private final GenericContainer<?> application;

    private Pod(Engine engine, Map<String, String> sysctls) {
        this.engine = engine;
        application = started(container("python3", "-c", "import signal; signal.pause()")
                .withNetwork(Outside.NETWORK)
                .withCreateContainerCmdModifier(command -> {
                    command.withUser("1000");
                    Objects.requireNonNull(command.getHostConfig())
                            .withCapDrop(Capability.ALL)
                            .withSysctls(sysctls);
                }));
    }

    static Pod start(Engine engine) {
        return start(engine, Map.of());
    }

    /** With settings of its network namespace. */
    static Pod start(Engine engine, Map<String, String> sysctls) {
        Images.build(engine);
        return new Pod(engine, sysctls);
    }

    private static GenericContainer<?> container(String... command) {
        return new GenericContainer<>(DockerImageName.parse(Images.CLIENTS))
                .withImagePullPolicy(name -> false)
                .withCommand(command);
    }

    private GenericContainer<?> started(GenericContainer<?> container) {
        opened(container).start();
        return container;
    }

    private <T extends AutoCloseable> T opened(T part) {
        parts.addFirst(part);
        return part;
    }

    /** How a command, or a container, ended; with what stands in a container's termination message. */
    record Ending(int code, String out, String err, String message) {
        /** What it printed; it must have ended with 0. */
        String orFail() {
            if (code != 0) {
                throw new AssertionError(this);
            }
            return out;
        }
    }

    /** The real one, by what {@code envoy-config} prints, and until it takes connections. */
    void startEnvoy() {
        String config = init("envoy-config", "--envoy-user=1337", "--envoy-admin=127.0.0.1:9901", "--to=any")
                .orFail();
        started(container("envoy", "--config-yaml", config, "--concurrency", "1", "--disable-hot-restart")
                .withNetworkMode("container:" + application.getContainerId())
                .withCreateContainerCmdModifier(command -> command.withUser(Integer.toString(ENVOY))));
        Await.until(
                PATIENCE,
                "Envoy",
                () -> application("curl", "-sf", "http://127.0.0.1:9901/ready").code() == 0);
    }

    /** The init image with NET_ADMIN and no other capability. */
    Ending init(String... arguments) {
        return init(run -> run.with(arguments));
    }

    Ending init(UnaryOperator<InitRun> how) {
        return how.apply(new InitRun()).run();
    }

    /** A client of {@link #CLIENTS} calls something outside of the pod by IPv4 and by IPv6. */
    List<String> call(String client) {
        return Outside.UPSTREAM.stream()
                .map(host -> {
                    String name = host.contains(":") ? "[" + host + "]" : host;
                    String url = "http://" + name + ":8080/";
                    return switch (client) {
                        case "curl" -> application("curl", "-sS", "--max-time", "10", url);
                        case "python" -> application("python3", "/opt/get.py", host, "8080");
                        case "java" -> application("/opt/java/bin/java", "-cp", "/opt", Get.class.getName(), url);
                        case "go" -> application("/opt/get", name + ":8080");
                        default -> throw new IllegalArgumentException(client);
                    };
                })
                .map(ending -> ending.code() == 0 ? ending.out().strip() : "no answer")
                .toList();
    }

    static String upstream4() {
        return Outside.UPSTREAM.getFirst();
    }

    /** Runs a command in the application's container, as its user. */
    private Ending application(String... command) {
        try {
            ExecResult result = application.execInContainer(
                    ExecConfig.builder().user("1000").command(command).build());
            return new Ending(result.getExitCode(), result.getStdout(), result.getStderr(), "");
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        } catch (InterruptedException e) {
            throw new AssertionError(e);
        }
    }

    /** One run of the init image, locked as {@code inject} locks it. */
    final class InitRun {
        private String image = Images.INIT;
        private final HostConfig host = HostConfig.newHostConfig()
                .withNetworkMode("container:" + application.getContainerId())
                .withReadonlyRootfs(true)
                .withCapDrop(Capability.ALL)
                .withCapAdd(Capability.NET_ADMIN);
        private final List<String> security = new ArrayList<>(List.of("no-new-privileges"));
        private final List<Bind> binds = new ArrayList<>();
        private final List<String> environment = new ArrayList<>();
        private String user = "0";
        private List<String> arguments = List.of();
        private List<String> entrypoint = List.of();

        InitRun with(String... words) {
            arguments = List.of(words);
            return this;
        }

        InitRun image(String other) {
            image = other;
            return this;
        }

        InitRun capabilities(Capability... only) {
            host.withCapAdd(only);
            return this;
        }

        InitRun seccomp(String profile) {
            security.add("seccomp=" + profile);
            return this;
        }

        InitRun user(int uid) {
            user = Integer.toString(uid);
            return this;
        }

        InitRun environment(String... variables) {
            environment.addAll(List.of(variables));
            return this;
        }

        InitRun program(String... words) {
            entrypoint = List.of(words);
            return this;
        }

        /** A plan as the kubelet mounts a ConfigMap: the file is a link into a directory that a link leads to. */
        InitRun configMap(String plan) {
            try {
                Path volume = Files.createTempDirectory(engine.shared(), "config-map");
                Path version = Files.createDirectory(volume.resolve("..2026_01_01_00_00_00.1"));
                Files.writeString(version.resolve("plan.yaml"), plan);
                Files.createSymbolicLink(volume.resolve("..data"), version.getFileName());
                Files.createSymbolicLink(volume.resolve("plan.yaml"), Path.of("..data/plan.yaml"));
                mount(volume, "/etc/meshcapture", AccessMode.ro);
                return this;
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        }

        private void mount(Path shared, String where, AccessMode mode) {
            binds.add(new Bind(Engine.asSeenByTheEngine(shared).toString(), new Volume(where), mode));
        }

        private Ending run() {
            try {
                Path message = Files.createTempFile(engine.shared(), "message", "");
                Files.setPosixFilePermissions(message, PosixFilePermissions.fromString("rw-rw-rw-"));
                mount(message, "/dev/termination-log", AccessMode.rw);
                var create = docker.createContainerCmd(image)
                        .withHostConfig(host.withSecurityOpts(security).withBinds(binds))
                        .withUser(user)
                        .withEnv(environment);
                if (!arguments.isEmpty()) {
                    create.withCmd(arguments);
                }
                if (!entrypoint.isEmpty()) {
                    create.withEntrypoint(entrypoint);
                }
                String id = create.exec().getId();
                try {
                    docker.startContainerCmd(id).exec();
                    int code =
                            docker.waitContainerCmd(id).start().awaitStatusCode(PATIENCE.toSeconds(), TimeUnit.SECONDS);
                    String out = LogUtils.getOutput(docker, id, OutputType.STDOUT);
                    String err = LogUtils.getOutput(docker, id, OutputType.STDERR);
                    return new Ending(code, out, err, Files.readString(message));
                } finally {
                    docker.removeContainerCmd(id).withForce(true).exec();
                }
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        }
    }

    @Override
    public void close() {
        for (AutoCloseable part : parts) {
            try {
                part.close();
            } catch (Exception e) {
                throw new AssertionError(e);
            }
        }
    }
}
