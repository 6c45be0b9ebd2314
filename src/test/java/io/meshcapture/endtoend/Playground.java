package io.meshcapture.endtoend;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * The small machine of {@code test-env/playground}, with services, Envoy, an upstream, and the built distribution. It
 * stands as long as a pipe to it is open: when this JVM ends, however it ends, all of it is gone.
 */
final class Playground implements AutoCloseable {
    private static final Path ROOT = Path.of("").toAbsolutePath();
    private static final String CLIENTS = "/run/world/test-env/clients";

    /** The services orders, on Envoy's listener 15001, and ledger, on 15002. */
    static final String BOTH_SERVICES = """
            version: 1
            envoy: {user: envoy, outbound: 15001}
            services:
              orders: {from: {user: orders}}
              ledger: {from: {user: ledger}, outbound: 15002}
            """;

    private final Program world;
    private final Namespaces inside;
    private final AtomicInteger destinations = new AtomicInteger();

    private Playground(Program world, Namespaces inside) {
        this.world = world;
        this.inside = inside;
    }

    static Playground open() {
        Map<String, String> environment = new HashMap<>(System.getenv());
        environment.put("MESHCAPTURE", distribution() + "/bin/meshcapture");
        Program world = Program.start(
                List.of(
                        ROOT + "/test-env/world",
                        ROOT + "/test-env/playground",
                        "sh",
                        "-c",
                        "echo pid $WORLD_PID; exec cat"),
                environment);
        try {
            String line = world.awaitLine(one -> one.startsWith("pid "));
            Map<String, String> plain = Map.of("PATH", "/run/world/bin:" + Namespaces.PATH, "LANG", "C.UTF-8");
            return new Playground(
                    world,
                    new Namespaces(Long.parseLong(line.substring(4)), List.of("--net", "--mount", "--pid"), plain));
        } catch (Error e) {
            world.close();
            throw e;
        }
    }

    /** The directory of the distribution that the build made. */
    static Path distribution() {
        Path home = Path.of(System.getProperty("meshcapture.distribution", "target/meshcapture"))
                .toAbsolutePath();
        if (!Files.isExecutable(home.resolve("bin/meshcapture"))) {
            throw new AssertionError("no distribution in " + home + "; scripts/build makes it");
        }
        return home;
    }

    @Override
    public void close() {
        world.end();
    }

    /** An address of the upstream that nobody else calls. */
    Destination destination(Family family) {
        int number = destinations.incrementAndGet();
        return switch (family) {
            case IPV4 -> new Destination("10.98.7." + number, "10.99.0.2", "127.0.0.1");
            case IPV6 -> new Destination("[fd98::7:" + number + "]", "[fd99::2]", "[::1]");
        };
    }

    /** Makes a name known, as the hosts file does, for all addresses given. */
    void name(String name, Destination... destinations) {
        for (Destination destination : destinations) {
            write("/etc/hosts", destination.bare() + " " + name + "\n", StandardOpenOption.APPEND);
        }
    }

    /** Runs a program as root. */
    Ending run(String... command) {
        return inside.run(List.of(command));
    }

    Program start(String... command) {
        return inside.start(List.of(command));
    }

    /** Starts a program as the service of that name. */
    Program startAs(String user, List<String> command) {
        List<String> whole = new ArrayList<>(List.of("as", user));
        whole.addAll(command);
        return inside.start(whole);
    }

    Ending runAs(String user, List<String> command) {
        return startAs(user, command).end();
    }

    /** What curl prints, as that service. */
    Ending curl(String user, String... arguments) {
        List<String> command = new ArrayList<>(List.of("curl", "-sS", "--max-time", "10"));
        command.addAll(List.of(arguments));
        return runAs(user, command);
    }

    /** A conversation in lines with the upstream, on one connection for as long as the program's input is open. */
    Program talk(String user, Destination destination, int port) {
        return startAs(
                user,
                List.of("/usr/bin/python3", "-B", CLIENTS + "/talk.py", destination.bare(), Integer.toString(port)));
    }

    /** Starts the upstream's HTTP/3 server; from then on {@link #quic} works. */
    void startQuic() {
        String packages = Program.start(List.of(ROOT + "/test-env/quic/fetch"), System.getenv())
                .end()
                .orFail()
                .strip();
        run("/run/world/test-env/quic/start", packages).orFail();
    }

    /** A client that asks over HTTP/3 for each path that it is sent, and falls back to TCP. */
    Program quic(String user, String host, Destination destination) {
        return startAs(
                user,
                List.of(
                        "env",
                        "PYTHONPATH=/run/quic",
                        "/usr/bin/python3",
                        "-B",
                        CLIENTS + "/quic.py",
                        host,
                        destination.bare(),
                        "/run/upstream/cert.pem"));
    }

    Program repeat(String user, String url) {
        return startAs(user, List.of("/usr/bin/python3", "-B", CLIENTS + "/repeat.py", url));
    }

    /** The command that fetches a page with Python. */
    static List<String> get(String... arguments) {
        List<String> command = new ArrayList<>(List.of("/usr/bin/python3", "-B", CLIENTS + "/get.py"));
        command.addAll(List.of(arguments));
        return command;
    }

    /** Compiles the JVM's client; from then on {@link #java} starts it. The JDK may lie where only root can look. */
    void prepareJava() {
        run("mkdir", "/run/world/jdk", "/run/world/classes").orFail();
        run("mount", "--bind", System.getProperty("java.home"), "/run/world/jdk")
                .orFail();
        run("/run/world/jdk/bin/javac", "-d", "/run/world/classes", CLIENTS + "/Client.java")
                .orFail();
    }

    static List<String> java(String... arguments) {
        List<String> command = new ArrayList<>(List.of(
                "/run/world/jdk/bin/java",
                "-XX:TieredStopAtLevel=1",
                "-XX:+UseSerialGC",
                "-cp",
                "/run/world/classes",
                "Client"));
        command.addAll(List.of(arguments));
        return command;
    }

    void plan(String yaml) {
        try {
            Files.createDirectories(inside.file("/etc/meshcapture"));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        write("/etc/meshcapture/plan.yaml", yaml, StandardOpenOption.CREATE, StandardOpenOption.TRUNCATE_EXISTING);
    }

    Ending meshcapture(String... arguments) {
        return startMeshcapture(arguments).end();
    }

    Program startMeshcapture(String... arguments) {
        List<String> command = new ArrayList<>(List.of("meshcapture"));
        command.addAll(List.of(arguments));
        return inside.start(command);
    }

    /** Applies the plan of {@link #BOTH_SERVICES}. */
    void captureBoth() {
        plan(BOTH_SERVICES);
        meshcapture("apply").orFail();
    }

    /** Releases everything at once, as each test begins. */
    void releaseAll() {
        meshcapture("rollback", "--all", "--drain", "0").orFail();
        String tables = run("nft", "list", "tables").orFail();
        if (!tables.isEmpty()) {
            throw new AssertionError("rollback --all left " + tables);
        }
    }

    void startEnvoy(String... configuration) {
        List<String> command = new ArrayList<>(List.of("/run/world/test-env/envoy/start", "/run/envoy/envoy"));
        command.addAll(List.of(configuration));
        inside.run(command).orFail();
    }

    /** What {@code envoy-config} prints for a plan. */
    String envoyConfig(String plan) {
        write("/run/envoy/plan.yaml", plan, StandardOpenOption.CREATE, StandardOpenOption.TRUNCATE_EXISTING);
        return meshcapture("envoy-config", "-f", "/run/envoy/plan.yaml").orFail();
    }

    /** In place of the one that runs. */
    void restartEnvoyWith(String configuration) {
        stopEnvoy();
        String file = "/run/envoy/of-the-test.yaml";
        write(file, configuration, StandardOpenOption.CREATE, StandardOpenOption.TRUNCATE_EXISTING);
        startEnvoy(file);
    }

    void stopEnvoy() {
        run("/run/world/test-env/envoy/stop").orFail();
    }

    /** How many connections Envoy's listeners have accepted, counted as soon as they are. */
    long connectionsThatEnvoyTook() {
        String stats = run(
                        "curl",
                        "-sS",
                        "--globoff",
                        "http://127.0.0.1:9901/stats?filter=^listener[.]outbound.*[.]worker_0[.]downstream_cx_total$")
                .orFail();
        return stats.lines()
                .mapToLong(line -> Long.parseLong(line.substring(line.indexOf(": ") + 2)))
                .sum();
    }

    /** The lines of Envoy's access log, without the time. */
    List<String> envoySaid() {
        return read("/run/envoy/access.log")
                .lines()
                .map(line -> line.replaceFirst("^\\[[^]]*] ", ""))
                .toList();
    }

    /** Those about connections to that destination. */
    List<String> envoySaid(Destination destination) {
        return envoySaid().stream()
                .filter(line -> line.contains("asked for " + destination.address() + ":"))
                .toList();
    }

    /** Envoy logs a connection when it ends, and what it logs comes within some 50 ms: waits for so many lines. */
    List<String> awaitEnvoySaid(Destination destination, int lines) {
        Waiting.until(
                () -> envoySaid(destination).size() >= lines,
                () -> lines + " lines expected of Envoy about " + destination + ": " + read("/run/envoy/access.log"));
        return envoySaid(destination);
    }

    String read(String file) {
        try {
            return Files.readString(inside.file(file));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    void write(String file, String text, StandardOpenOption... how) {
        try {
            Files.writeString(inside.file(file), text, how);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    enum Family {
        IPV4,
        IPV6
    }

    /**
     * Where a test connects to.
     *
     * @param address as it stands in URLs and in Envoy's log, in brackets for IPv6
     * @param source the address that the services have then
     * @param loopback where Envoy listens for its family
     */
    record Destination(String address, String source, String loopback) {
        String bare() {
            return address.replaceAll("[\\[\\]]", "");
        }

        String url(String path) {
            return "http://" + address + ":8080" + path;
        }
    }
}
