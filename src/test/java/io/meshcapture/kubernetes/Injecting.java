package io.meshcapture.kubernetes;

import io.meshcapture.kubernetes.Injection.Change;
import io.meshcapture.plan.Ports;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/** Injects texts. */
final class Injecting {
    private Injecting() {}

    /** Captures what arrives too; the plan excepts 15020 already. */
    static final Injection.Request IN = in("meshcapture-init:0.1.0");

    static final Injection.Request OUT = new Injection.Request(null, null, false, false);

    static Injection.Request in(String image) {
        return new Injection.Request(container(image), new Ports(List.of(port(15020))), false, false);
    }

    /** Likewise, with a plan of its own and names that lead to Envoy in these ways. */
    static Injection.Request in(String image, PlanMap plan, PodNames.Way... ways) {
        PodNames names = new PodNames(
                Set.of(ways),
                List.of(
                        new PodNames.Service(
                                "127.66.1.2", List.of("orders", "orders.internal"), variables("ORDERS", "127.66.1.2")),
                        new PodNames.Service(
                                "127.66.3.4", List.of("payments.internal"), variables("PAYMENTS", "127.66.3.4"))),
                Set.of("1337"));
        CaptureContainer container =
                new CaptureContainer(image, null, ports -> List.of(), plan, names, false, false, true);
        return new Injection.Request(container, null, false, false);
    }

    private static Map<String, String> variables(String name, String address) {
        return new TreeMap<>(Map.of(name + "_SERVICE_HOST", address, name + "_SERVICE_PORT", "80"));
    }

    static CaptureContainer container(String image) {
        return new CaptureContainer(
                image,
                null,
                ports -> {
                    List<String> words = new ArrayList<>(List.of("--envoy-user=1337", "--envoy-inbound=15006"));
                    if (!ports.isEmpty()) {
                        words.add("--inbound-except=" + ports);
                    }
                    return words;
                },
                null,
                PodNames.NONE,
                false,
                false,
                false);
    }

    static io.meshcapture.plan.PortRange port(int number) {
        return new io.meshcapture.plan.PortRange(number, number);
    }

    static String text(String manifest, Injection.Request request) {
        return new String(outcome(manifest, request).content(), StandardCharsets.UTF_8);
    }

    static List<String> changes(String manifest, Injection.Request request) {
        return outcome(manifest, request).changes().stream()
                .map(Injecting::words)
                .toList();
    }

    private static String words(Change change) {
        return change.workload() + " " + change.action();
    }

    static Injection.Outcome outcome(String manifest, Injection.@Nullable Request request) {
        return Injection.run("pod.yaml", manifest.getBytes(StandardCharsets.UTF_8), request == null ? IN : request);
    }
}
