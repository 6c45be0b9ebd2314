package io.meshcapture.config;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.meshcapture.failure.Failure;
import io.meshcapture.failure.Problem;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/** Plans for tests. */
final class Sources {
    /** What every plan needs, in four lines: what a test adds begins in line 5. */
    static final String HEAD = """
            version: 1
            envoy:
              user: envoy
            services: {}
            """;

    private Sources() {}

    static PlanSource plan(String text) {
        return new PlanSource("plan.yaml", text.getBytes(StandardCharsets.UTF_8));
    }

    static PlanSource resource(String name) {
        return new PlanSource(name, text(name).getBytes(StandardCharsets.UTF_8));
    }

    static String text(String name) {
        try (InputStream stream = Sources.class.getResourceAsStream(name)) {
            if (stream == null) {
                throw new IllegalArgumentException(name);
            }
            return new String(stream.readAllBytes(), StandardCharsets.UTF_8);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    static Configuration.Reading read(String text) {
        return Configuration.read(plan(text), Map.of(), Map.of());
    }

    /** The problems of a plan, one line each; empty where it has none. */
    static List<String> problems(String text) {
        return problems(plan(text));
    }

    static List<String> problems(PlanSource source) {
        return problems(() -> Configuration.read(source, Map.of(), Map.of()));
    }

    static List<String> problems(Runnable reading) {
        try {
            reading.run();
            return List.of();
        } catch (Failure.Invalid invalid) {
            List<String> sentences = new ArrayList<>();
            for (Problem problem : invalid.problems()) {
                sentences.add(problem.sentence());
            }
            return sentences;
        }
    }

    /** Compares with a text beside the tests; run with {@code -Dgolden=write} to accept what is there now. */
    static void assertGolden(String name, String actual) {
        if ("write".equals(System.getProperty("golden"))) {
            try {
                Files.writeString(Path.of("src/test/resources/io/meshcapture/config", name), actual);
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        } else {
            assertEquals(text(name), actual);
        }
    }
}
