package io.meshcapture.config;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.meshcapture.plan.Account;
import io.meshcapture.plan.Choices;
import io.meshcapture.plan.Destination;
import io.meshcapture.plan.Origin;
import io.meshcapture.plan.Plan;
import io.meshcapture.plan.Service;
import io.meshcapture.plan.ServiceName;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** A flag wins over the environment, the environment over the plan, the plan over the default. */
class PrecedenceTest {

    private static final Map<String, List<String>> ENVOY = Map.of("--envoy-user", List.of("envoy"));

    private static Configuration.Provenance of(Configuration.Reading reading, String key) {
        return reading.provenance().stream()
                .filter(one -> one.key().equals(key))
                .findFirst()
                .orElseThrow();
    }

    private static Map<String, List<String>> flags(String... flagsAndValues) {
        Map<String, List<String>> flags = new TreeMap<>();
        for (int i = 0; i < flagsAndValues.length; i += 2) {
            flags.merge(flagsAndValues[i], List.of(flagsAndValues[i + 1]), (a, b) -> {
                List<String> both = new java.util.ArrayList<>(a);
                both.addAll(b);
                return both;
            });
        }
        return flags;
    }

    private static List<String> problems(Map<String, List<String>> flags, Map<String, String> environment) {
        return Sources.problems(() -> Configuration.read(Sources.plan(Sources.HEAD), flags, environment));
    }

    @Test
    void takes_the_default_where_nobody_says_anything() {
        Configuration.Reading reading = Sources.read(Sources.HEAD);
        assertEquals(Choices.Backend.AUTO, reading.plan().backend());
        assertEquals(new Configuration.Provenance("backend", "auto", Origin.DEFAULT), of(reading, "backend"));
        assertEquals(new Configuration.Provenance("envoy.admin", "none", Origin.DEFAULT), of(reading, "envoy.admin"));
    }

    @Test
    void takes_the_plan_before_the_default() {
        Configuration.Reading reading = Sources.read(Sources.HEAD + "backend: nftables\n");
        assertEquals(Choices.Backend.NFTABLES, reading.plan().backend());
        assertEquals("plan.yaml:5:10", of(reading, "backend").origin().toString());
    }

    @Test
    void takes_the_environment_before_the_plan() {
        Configuration.Reading reading = Configuration.read(
                Sources.plan(Sources.HEAD + "backend: nftables\n"),
                Map.of(),
                Map.of("MESHCAPTURE_BACKEND", "iptables-nft"));
        assertEquals(Choices.Backend.IPTABLES_NFT, reading.plan().backend());
        assertEquals("MESHCAPTURE_BACKEND", of(reading, "backend").origin().toString());
    }

    @Test
    void takes_the_flag_before_the_environment() {
        Configuration.Reading reading = Configuration.read(
                Sources.plan(Sources.HEAD + "backend: nftables\n"),
                Map.of("--backend", List.of("iptables-legacy")),
                Map.of("MESHCAPTURE_BACKEND", "iptables-nft"));
        assertEquals(Choices.Backend.IPTABLES_LEGACY, reading.plan().backend());
        assertEquals(
                new Configuration.Provenance("backend", "iptables-legacy", Origin.of("--backend")),
                of(reading, "backend"));
    }

    @Test
    void replaces_a_list_and_does_not_add_to_it() {
        Configuration.Reading reading = Configuration.read(
                Sources.plan(Sources.HEAD), flags("--envoy-user", "a,b", "--envoy-user", "1337"), Map.of());
        assertEquals(
                List.of("a", "b", "1337"),
                reading.plan().envoy().users().stream().map(Account::text).toList());
        assertEquals("a b 1337", of(reading, "envoy.user").value());
    }

    @Test
    void tells_a_mistake_even_where_a_flag_overrides_it() {
        assertEquals(
                List.of(
                        "backend \"x\" is not known; MESHCAPTURE_BACKEND; write auto, nftables, iptables, iptables-nft or iptables-legacy",
                        "backend \"y\" is not known; plan.yaml:5:10; write auto, nftables, iptables, iptables-nft or iptables-legacy"),
                Sources.problems(() -> Configuration.read(
                        Sources.plan(Sources.HEAD + "backend: y\n"),
                        Map.of("--backend", List.of("auto")),
                        Map.of("MESHCAPTURE_BACKEND", "x"))));
    }

    @ParameterizedTest
    @EnumSource(Setting.class)
    void reads_every_setting_from_its_flag_and_from_its_variable(Setting setting) {
        String value = switch (setting) {
            case ENVOY_USER, ENVOY_GROUP -> "proxy 1337";
            case ENVOY_OUTBOUND -> "16001";
            case ENVOY_INBOUND -> "16006";
            case ENVOY_DNS -> "16053";
            case ENVOY_ADMIN -> "[::1]:9902";
            case BACKEND -> "iptables";
            case IPV6 -> "reject";
            case UDP443 -> "reject";
            case INVALID -> "drop";
            case HOSTS_PORTS -> "listeners";
            case ON_ENVOY_DOWN -> "open";
            case INBOUND_MODE -> "tproxy";
            case INBOUND_TO -> "80 8000-8100";
            case INBOUND_EXCEPT -> "22 envoy";
            case DNS_SERVERS -> "192.0.2.53 2001:db8::53";
            case INTERFACES_EXCEPT, INTERFACES_OUTBOUND -> "br0 veth*";
        };
        String plan = """
                version: 1
                envoy: {user: envoy, inbound: 15006, dns: 15053, admin: "127.0.0.1:9901"}
                services: {}
                """;
        String written = value.replace(' ', ',');
        Configuration.Reading byFlag =
                Configuration.read(Sources.plan(plan), Map.of(setting.flag(), List.of(written)), Map.of());
        assertEquals(
                new Configuration.Provenance(setting.key(), value, Origin.of(setting.flag())),
                of(byFlag, setting.key()));
        Configuration.Reading byVariable =
                Configuration.read(Sources.plan(plan), Map.of(), Map.of(setting.variable(), written));
        assertEquals(
                new Configuration.Provenance(setting.key(), value, Origin.of(setting.variable())),
                of(byVariable, setting.key()));
        assertEquals(withoutPlaces(byFlag.plan()), withoutPlaces(byVariable.plan()));
    }

    private static String withoutPlaces(Plan plan) {
        return plan.toString().replaceAll("origin=[^,\\]]+", "");
    }

    @Test
    void names_flags_and_variables_after_the_keys() {
        assertEquals("--envoy-user", Setting.ENVOY_USER.flag());
        assertEquals("MESHCAPTURE_ENVOY_USER", Setting.ENVOY_USER.variable());
        assertEquals("--hosts-ports", Setting.HOSTS_PORTS.flag());
        assertEquals("MESHCAPTURE_ON_ENVOY_DOWN", Setting.ON_ENVOY_DOWN.variable());
        assertEquals("MESHCAPTURE_FROM_USER", ServiceFlag.FROM_USER.variable());
    }

    @Test
    void needs_no_file_where_flags_describe_a_service() {
        Configuration.Reading reading = Configuration.read(
                null,
                flags("--envoy-user", "1337", "--to", "10.0.0.0/8:80,443", "--to", ":8080", "--except", ":22"),
                Map.of());
        Service service = reading.plan().services().getFirst();
        assertEquals(new ServiceName("default"), service.name());
        assertEquals(
                List.of("10.0.0.0/8:80,443", ":8080"),
                service.to().stream().map(Destination::toString).toList());
        assertEquals(":22", service.except().getFirst().toString());
        assertEquals(Origin.of("--to"), service.origin());
    }

    @Test
    void needs_no_file_where_the_environment_describes_a_service() {
        Configuration.Reading reading = Configuration.read(
                null,
                Map.of(),
                Map.of(
                        "MESHCAPTURE_ENVOY_USER",
                        "envoy,1337",
                        "MESHCAPTURE_SERVICE",
                        "orders",
                        "MESHCAPTURE_TO",
                        " 10.0.0.0/8:80,443\n:8080 ",
                        "MESHCAPTURE_FROM_USER",
                        "orders,1000",
                        "PATH",
                        "/bin"));
        Service service = reading.plan().services().getFirst();
        assertEquals(new ServiceName("orders"), service.name());
        assertEquals("user orders or 1000", service.from().toString());
        assertEquals(2, service.to().size());
        assertEquals(
                "MESHCAPTURE_TO", of(reading, "services.orders.to").origin().toString());
    }

    @Test
    void reads_every_flag_that_describes_a_service() {
        Service service = Configuration.read(
                        null,
                        flags(
                                "--envoy-user",
                                "envoy",
                                "--service",
                                "s",
                                "--from-user",
                                "a,b",
                                "--from-group",
                                "c",
                                "--from-unit",
                                "d.service",
                                "--from-cgroup",
                                "/e,f/g",
                                "--to",
                                "any",
                                "--except",
                                "[fd00::/8]:443"),
                        Map.of())
                .plan()
                .services()
                .getFirst();
        assertEquals(
                "unit d.service and cgroup /e,f/g and user a or b and group c",
                service.from().toString());
        assertEquals("any", service.to().getFirst().toString());
        assertEquals("[fd00::/8]:443", service.except().getFirst().toString());
    }

    @Test
    void captures_names_by_flag() {
        Plan plan = Configuration.read(null, flags("--envoy-user", "envoy", "--host", "a.b,c", "--host", "d"), Map.of())
                .plan();
        assertEquals(
                "[a.b, c, d]",
                String.valueOf(java.util.Objects.requireNonNull(
                                plan.services().getFirst().hosts())
                        .names()));
    }

    @Test
    void overrides_the_given_keys_of_the_plans_service_and_keeps_the_others() {
        String plan = """
                version: 1
                envoy: {user: envoy}
                services:
                  first: {}
                  orders: {from: {user: orders, unit: o.service}, to: 10.0.0.1, except: ":22", on-envoy-down: open, outbound: 15002}
                """;
        Configuration.Reading reading = Configuration.read(
                Sources.plan(plan), flags("--service", "orders", "--to", "10.0.0.2", "--from-user", "alice"), Map.of());
        Service orders = reading.plan().services().get(1);
        assertEquals(2, reading.plan().services().size());
        assertEquals("10.0.0.2", orders.to().getFirst().toString());
        assertEquals("unit o.service and user alice", orders.from().toString());
        assertEquals(":22", orders.except().getFirst().toString());
        assertEquals(15002, orders.outbound().number());
        assertEquals(Choices.OnEnvoyDown.OPEN, orders.onEnvoyDown());
        assertEquals("plan.yaml:5:3", orders.origin().toString());
        assertEquals("--to", of(reading, "services.orders.to").origin().toString());
        assertEquals(
                "plan.yaml:5:73", of(reading, "services.orders.except").origin().toString());
    }

    @Test
    void refuses_a_service_that_the_plan_has_not_among_its_own() {
        assertEquals(
                List.of("service \"ordres\" is not in the plan; --service; did you mean \"orders\"? "
                        + "name one of: first, orders; or write it into the plan"),
                Sources.problems(() -> Configuration.read(
                        Sources.plan(Sources.HEAD.replace("{}", "{first: {}, orders: {}}")),
                        flags("--service", "ordres", "--except", ":443"),
                        Map.of())));
    }

    @Test
    void takes_a_service_beside_a_plan_that_has_none() {
        Plan plan = Configuration.read(
                        Sources.plan(Sources.HEAD), flags("--service", "other", "--to", "10.0.0.2"), Map.of())
                .plan();
        assertEquals("other", plan.services().getFirst().name().value());
    }

    @Test
    void refuses_to_guess_the_service_where_the_plan_has_some() {
        assertEquals(
                List.of("it is not said which service this is about, and the plan has services of its own; --except; "
                        + "name it with --service, such as --service first, or write it into the plan"),
                Sources.problems(() -> Configuration.read(
                        Sources.plan(Sources.HEAD.replace("{}", "{first: {}}")),
                        flags("--except", "10.0.0.0/8"),
                        Map.of())));
    }

    @Test
    void refuses_a_service_that_is_named_but_neither_described_nor_in_the_plan() {
        assertEquals(
                List.of("service \"ordres\" is not in the plan, and nothing says what it captures; --service; "
                        + "add --to any, or another of what describes a service"),
                problems(flags("--service", "ordres"), Map.of()));
    }

    @Test
    void notes_a_service_that_is_named_but_not_changed() {
        assertEquals(
                List.of("service \"a\" is named, but no flag changes it; --service"),
                Configuration.read(
                                Sources.plan(Sources.HEAD.replace("{}", "{a: {}}")), flags("--service", "a"), Map.of())
                        .notes());
    }

    @Test
    void refuses_to_guess_what_is_captured_where_nothing_says_so() {
        assertEquals(
                List.of(
                        "there is no plan, and no flag says what is captured; command line; name a plan with -f, or write "
                                + "--to any or set MESHCAPTURE_TO=any, or another of what describes a service",
                        "nothing says which traffic is Envoy's own; command line; write envoy.user (--envoy-user) or "
                                + "envoy.group, such as envoy or 1337"),
                Sources.problems(() -> Configuration.read(null, Map.of(), Map.of())));
    }

    @Test
    void captures_inbound_alone_without_a_file() {
        Plan plan = Configuration.read(null, flags("--envoy-user", "envoy", "--envoy-inbound", "15006"), Map.of())
                .plan();
        assertEquals(List.of(), plan.services());
        assertTrue(plan.inbound() != null && plan.inbound().to().isAll());
    }

    @Test
    void lets_the_flag_of_a_services_default_not_win_over_the_services_own_key() {
        Plan plan = Configuration.read(
                        Sources.plan(Sources.HEAD.replace("{}", "{a: {on-envoy-down: open}, b: {}}")),
                        flags("--on-envoy-down", "closed"),
                        Map.of())
                .plan();
        assertEquals(Choices.OnEnvoyDown.OPEN, plan.services().get(0).onEnvoyDown());
        assertEquals(Choices.OnEnvoyDown.CLOSED, plan.services().get(1).onEnvoyDown());
    }

    @Test
    void refuses_a_scalar_flag_that_is_given_twice() {
        assertEquals(
                List.of("--backend is given 2 times; --backend; give it once"),
                problems(flags("--backend", "auto", "--backend", "auto"), Map.of()));
        assertEquals(
                List.of("--service is given 2 times; --service; flags describe one service; write several into a plan"),
                problems(flags("--service", "a", "--service", "b"), Map.of()));
    }

    @Test
    void refuses_an_unknown_variable_and_suggests_the_one_that_was_meant() {
        assertEquals(
                List.of(
                        "environment variable \"MESHCAPTURE_ENVOY_USR\" is not known; MESHCAPTURE_ENVOY_USR; did you mean "
                                + "MESHCAPTURE_ENVOY_USER? unset it, or correct its name (see --help)",
                        "environment variable \"MESHCAPTURE_XYZZY\" is not known; MESHCAPTURE_XYZZY; unset it, or "
                                + "correct its name (see --help)"),
                problems(ENVOY, Map.of("MESHCAPTURE_ENVOY_USR", "x", "MESHCAPTURE_XYZZY", "", "OTHER", "y")));
    }

    @Test
    void refuses_an_empty_variable_since_it_may_mean_any_as_well_as_none() {
        assertEquals(
                List.of(
                        "environment variable \"MESHCAPTURE_TO\" is empty; MESHCAPTURE_TO; give it a value, or unset it"),
                problems(ENVOY, Map.of("MESHCAPTURE_TO", " ")));
    }

    @Test
    void knows_the_variables_of_the_file_and_of_the_scripts() {
        assertEquals(
                List.of(),
                problems(
                        ENVOY,
                        Map.of("MESHCAPTURE_PLAN", "x", "MESHCAPTURE_PLAN_LIMIT", "y", "MESHCAPTURE_JDKS", "z")));
    }

    @Test
    void leaves_alone_with_a_note_what_kubernetes_sets_for_a_service_of_the_same_name() {
        Map<String, String> links = new TreeMap<>(Map.of(
                "MESHCAPTURE_SERVICE_HOST", "10.96.0.7",
                "MESHCAPTURE_SERVICE_PORT", "9090",
                "MESHCAPTURE_SERVICE_PORT_METRICS", "9090",
                "MESHCAPTURE_PORT", "tcp://10.96.0.7:9090",
                "MESHCAPTURE_PORT_9090_TCP", "tcp://10.96.0.7:9090",
                "MESHCAPTURE_PORT_9090_TCP_PROTO", "tcp",
                "MESHCAPTURE_AGENT_SERVICE_HOST", "10.96.0.8",
                "MESHCAPTURE_AGENT_SERVICE_PORT", "9090",
                "MESHCAPTURE_AGENT_PORT", "tcp://10.96.0.8:9090"));
        Configuration.Reading reading = Configuration.read(Sources.plan(Sources.HEAD), Map.of(), links);
        assertEquals(
                List.of("environment variables that Kubernetes sets for a Service of that name are ignored: "
                        + String.join(", ", links.keySet())),
                reading.notes());
        assertEquals(1, problems(Map.of(), Map.of("MESHCAPTURE_PORT", "80")).size());
    }

    @Test
    void takes_a_flag_that_it_does_not_know_for_a_bug() {
        assertThrows(
                IllegalArgumentException.class,
                () -> Configuration.read(null, Map.of("--dry-run", List.of("")), Map.of()));
    }
}
