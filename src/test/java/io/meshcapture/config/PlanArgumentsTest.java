package io.meshcapture.config;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import io.meshcapture.failure.Failure;
import io.meshcapture.plan.Plan;
import io.meshcapture.plan.Ports;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class PlanArgumentsTest {

    private static Plan read(String yaml) {
        var source = new PlanSource("plan.yaml", yaml.getBytes(StandardCharsets.UTF_8));
        return Configuration.read(source, Map.of(), Map.of()).plan();
    }

    private static Plan read(List<String> arguments) {
        Map<String, List<String>> flags = new HashMap<>();
        for (String argument : arguments) {
            int equals = argument.indexOf('=');
            flags.computeIfAbsent(argument.substring(0, equals), key -> new ArrayList<>())
                    .add(argument.substring(equals + 1));
        }
        return Configuration.read(null, flags, Map.of()).plan();
    }

    /** Without places, which differ. */
    private static String words(Plan plan) {
        return plan.toString().replaceAll("origin=[^]]*", "");
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "{version: 1, envoy: {user: 1337}, services: {default: {}}}",
                "{version: 1, envoy: {user: [101, 1337], group: 5, outbound: 16001, admin: 127.0.0.1:9901}, ipv6: reject,"
                        + " udp443: reject, invalid: drop, backend: iptables-nft,"
                        + " services: {orders: {from: {user: [1000, 1001], group: 7}, to: [10.0.0.0/8, \":443,8000-8100\"],"
                        + " except: [10.0.0.0/8:5432, \":22\", \"[fd00:12::/48]:80\", 192.0.2.10]}}}",
                "{version: 1, envoy: {user: 1337, inbound: 15006, dns: 15053}, inbound: {mode: tproxy, to: [80, 8000-9000],"
                        + " except: [8080, 15020]}, dns: {servers: [10.96.0.10, \"fd00::10\"]}, interfaces: {except: [wg0]},"
                        + " on-envoy-down: open, services: {orders: {}}}",
                "{version: 1, envoy: {user: 1337, inbound: 15006, dns: 15053, admin: 127.0.0.1:9901}, inbound: {except: envoy}, dns: {servers: any},"
                        + " services: {orders: {}}}",
            })
    void the_arguments_mean_the_plan(String yaml) {
        Plan plan = read(yaml);
        Ports except = plan.inbound() == null ? Ports.NONE : plan.inbound().except();
        assertEquals(words(plan), words(read(PlanArguments.of(plan, except))));
    }

    @Test
    void what_the_plan_excepts_for_all_is_excepted_for_the_one() {
        Plan plan = read("{version: 1, envoy: {user: 1}, except: [\":22\"], services: {a: {except: 10.0.0.0/8}}}");
        assertEquals(
                List.of("--envoy-user=1", "--service=a", "--to=any", "--except=:22", "--except=10.0.0.0/8"),
                PlanArguments.of(plan, Ports.NONE));
    }

    @Test
    void what_flags_cannot_say_is_refused_all_at_once() {
        Plan plan = read("""
                version: 1
                envoy: {user: 1}
                services: {a: {from: {user: 5}, outbound: 15002}, b: {from: {user: 6}}}
                """);
        String mend = "; plan; write a plan with one service of its own, or bring the plan in by a ConfigMap";
        assertEquals(
                "flags cannot say 2 services" + mend + "\nflags cannot say a listener of its own in service a" + mend,
                assertThrows(Failure.Invalid.class, () -> PlanArguments.of(plan, Ports.NONE))
                        .getMessage());
    }
}
