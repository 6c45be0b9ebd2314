package io.meshcapture.kernel;

import static io.meshcapture.kernel.Program.ENVOY;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.meshcapture.lab.InNetns;
import io.meshcapture.lab.Lab;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What commands say fits the terminal that they say it on, and nothing of it is left out on a narrow one. */
@InNetns
class TerminalKernelIT {
    private static final Duration LIMIT = Duration.ofSeconds(15);

    @ParameterizedTest
    @ValueSource(ints = {60, 80, 200})
    void probes_and_doctor_are_broken_between_words(int width, Lab lab) throws IOException {
        lab.proxy(15001);
        String plan = ENVOY + "services: {orders: {from: {user: 1001}}}\n";
        Program.apply(plan);
        lab.nft().apply("table ip t { chain c { type nat hook output priority -150; tcp dport 80 redirect to :9; }; }");
        Path file = Files.writeString(Files.createTempFile("meshcapture", ".yaml"), plan);
        String probes = shown(lab, width, "check --probe -f " + file);
        assertTrue(words(probes).contains("wrong: tcp 192.0.2.1:80 as uid 1001"), probes);
        assertEquals(width >= 200, probes.contains("SERVICE  PATH "), probes);
        assertTrue(probes.matches("(?s).*WRONG: is sent to 127.0.0.1:9.*"), probes);
        String findings = shown(lab, width, "doctor -f " + file);
        assertTrue(words(findings).contains("change that rule where it comes from, or its chain's priority"), findings);
    }

    private static String shown(Lab lab, int width, String command) {
        List<String> lines = OnTerminal.start(lab, width, command + " 2> /dev/null")
                .await(LIMIT)
                .out()
                .lines()
                .map(OnTerminal::shown)
                .toList();
        for (String line : lines) {
            boolean isCommand = line.strip().startsWith("$ "); // to be copied in one piece
            assertTrue(line.length() <= width || isCommand, () -> line.length() + ": " + line);
        }
        return String.join("\n", lines);
    }

    private static String words(String text) {
        return text.replaceAll("\\s+", " ");
    }
}
