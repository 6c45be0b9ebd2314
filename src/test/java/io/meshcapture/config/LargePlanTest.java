package io.meshcapture.config;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTimeout;

import io.meshcapture.plan.Plan;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

/** Bounds are generous, for busy machines: what they catch is cost that grows with the square. */
class LargePlanTest {

    @Test
    void reads_ten_thousand_services_with_a_hundred_thousand_networks() {
        StringBuilder text = new StringBuilder("version: 1\nenvoy: {user: envoy}\nservices:\n");
        int network = 0;
        for (int service = 0; service < 10_000; service++) {
            text.append("  svc-" + service + ":\n    from: {user: u" + service + "}\n    to:\n");
            for (int i = 0; i < 10; i++, network++) {
                text.append("      - " + (10 + (network >> 16)) + "." + (network >> 8 & 255) + "." + (network & 255)
                        + ".0/24:443\n");
            }
            text.append("    except: [10.0.0.1]\n");
        }
        Plan plan = assertTimeout(Duration.ofSeconds(60), () -> Sources.read(text.toString()))
                .plan();
        assertEquals(10_000, plan.services().size());
        assertEquals(
                100_000,
                plan.services().stream()
                        .mapToInt(service -> service.to().size())
                        .sum());
        assertEquals(
                "11.134.159.0/24:443", plan.services().getLast().to().getLast().toString());
    }

    @Test
    void compares_a_hundred_thousand_destinations_with_as_many_exceptions() {
        StringBuilder to = new StringBuilder();
        StringBuilder except = new StringBuilder();
        for (int i = 0; i < 100_000; i++) {
            String network = (10 + (i >> 16)) + "." + (i >> 8 & 255) + "." + (i & 255);
            to.append(network + ".0/" + (24 + i % 8) + ",");
            except.append(network + ".128/25,");
        }
        String text = "version: 1\nenvoy: {user: envoy}\nservices: {a: {to: [" + to + "], except: [" + except + "]}}\n";
        Configuration.Reading reading = assertTimeout(Duration.ofSeconds(60), () -> Sources.read(text));
        assertEquals(100_000, reading.plan().services().getFirst().except().size());
        assertEquals(List.of(), reading.notes());
    }

    @Test
    void tells_fifty_thousand_mistakes() {
        String text = Sources.HEAD + "except:\n" + "- 10.0.0.0/99\n".repeat(50_000);
        PlanSource source = new PlanSource("plan.yaml", text.getBytes(StandardCharsets.UTF_8));
        assertEquals(
                50_000,
                assertTimeout(
                                Duration.ofSeconds(60),
                                () -> Sources.problems(() -> Configuration.read(source, Map.of(), Map.of())))
                        .size());
    }
}
