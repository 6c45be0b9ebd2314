package io.meshcapture.backend.hosts;

import io.meshcapture.plan.ServiceName;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.io.TempDir;

/** A hosts file of a test's own, and what is remembered of it. */
abstract class RealHostsFile {
    static final Duration PATIENCE = Duration.ofMillis(200);
    static final ServiceName A = new ServiceName("a");
    static final ServiceName B = new ServiceName("b");

    @TempDir
    Path directory;

    Path hosts;
    Path state;

    @BeforeEach
    void make() throws IOException {
        hosts = Files.writeString(directory.resolve("hosts"), "127.0.0.1 localhost\n");
        state = directory.resolve("state");
    }

    HostsEditor open() throws InterruptedException {
        return HostsEditor.open(hosts, state, PATIENCE);
    }

    void bring(ServiceName service, int names) throws InterruptedException {
        try (HostsEditor editor = open()) {
            editor.bring(Map.of(service, HostsWorld.lines(service.value(), names)));
        }
    }

    void release(ServiceName service) throws InterruptedException {
        try (HostsEditor editor = open()) {
            editor.release(service::equals);
        }
    }

    List<Path> remembered() throws IOException {
        try (Stream<Path> files = Files.list(state)) {
            return files.toList();
        }
    }

    String content() throws IOException {
        return Files.readString(hosts, StandardCharsets.ISO_8859_1);
    }
}
