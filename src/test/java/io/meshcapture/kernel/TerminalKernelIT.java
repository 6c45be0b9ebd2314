package io.meshcapture.kernel;

import static io.meshcapture.kernel.Program.ENVOY;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.meshcapture.lab.Await;
import io.meshcapture.lab.Background;
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

    @ParameterizedTest
    @ValueSource(ints = {60, 80, 200})
    void what_is_explained_and_what_was_traced_is_broken_below_its_reasons(int width, Lab lab) throws IOException {
        lab.proxy(15001);
        String longest = "service-with-a-name-of-forty-characters0";
        String plan = ENVOY + "services: {" + longest + ": {from: {user: 1001}, except: [\"10.0.0.0/8:5432\"]}}\n";
        Program.apply(plan);
        Path file = Files.writeString(Files.createTempFile("meshcapture", ".yaml"), plan);
        String explained = shown(lab, width, "explain 192.0.2.1:80 --from-user 1001 -f " + file);
        String why = "service \"" + longest + "\" captures any";
        assertTrue(words(explained).contains("decides " + why), explained);
        assertEquals(width >= 80, explained.contains("decides  " + why), explained);
        Background trace = OnTerminal.start(lab, width, "trace 192.0.2.1:80 --connections 1 --within 10s 2> /dev/null");
        Await.until(LIMIT, "tracing", () -> lab.nft().list().contains("meshcapture-trace"));
        lab.caller().uid(1001).open("192.0.2.1:80");
        String traced = fitting(trace.await(LIMIT).out(), width);
        assertTrue(words(traced).contains("captured: to Envoy's listener 15001, service " + longest), traced);
    }

    private static String shown(Lab lab, int width, String command) {
        return fitting(
                OnTerminal.start(lab, width, command + " 2> /dev/null")
                        .await(LIMIT)
                        .out(),
                width);
    }

    private static String fitting(String out, int width) {
        List<String> lines = out.lines().map(OnTerminal::shown).toList();
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
