package io.meshcapture.config;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;

import io.meshcapture.plan.Choices;
import io.meshcapture.plan.Dns;
import io.meshcapture.plan.Inbound;
import io.meshcapture.plan.Plan;
import io.meshcapture.plan.Ports;
import java.util.List;
import org.junit.jupiter.api.Test;

/** What fits together and what does not. Services begin in line 3 of these plans. */
class ChecksTest {

    private static String services(String services) {
        return "version: 1\nenvoy: {user: envoy, group: proxy, admin: \"127.0.0.1:9901\", dns: 15053, inbound: 15006}\n"
                + "services: {" + services + "}\n";
    }

    private static void assertProblem(String expected, String text) {
        assertEquals(List.of(expected), Sources.problems(text));
    }

    private static void assertNotes(List<String> expected, String text) {
        assertEquals(expected, Sources.read(text).notes());
    }

    @Test
    void needs_a_user_or_a_group_of_envoy() {
        assertProblem(
                "nothing says which traffic is Envoy's own; plan.yaml:2:8; write envoy.user (--envoy-user) or envoy.group, such as envoy or 1337",
                "version: 1\nenvoy: {user: [], outbound: 15001}\nservices: {}\n");
        assertEquals(List.of(), Sources.problems("version: 1\nenvoy: {group: proxy}\nservices: {}\n"));
    }

    @Test
    void refuses_two_listeners_of_envoy_on_one_port() {
        assertEquals(
                List.of(
                        "port \"15001\" of envoy.inbound is the port of envoy.outbound too (default); plan.yaml:2:31; give each its own port",
                        "port \"15053\" of envoy.admin is the port of envoy.dns too (plan.yaml:2:43); plan.yaml:2:57; give each its own port"),
                Sources.problems(
                        "version: 1\nenvoy: {user: envoy, inbound: 15001, dns: 15053, admin: \"[::1]:15053\"}\nservices: {}\n"));
    }

    @Test
    void refuses_a_caller_that_is_envoy_and_names_both_places() {
        assertEquals(
                List.of(
                        "user \"envoy\" is Envoy's own (envoy.user at plan.yaml:2:15), which is never captured; plan.yaml:3:38; run the service as another user, or correct one of the two",
                        "group \"proxy\" is Envoy's own (envoy.group at plan.yaml:2:29), which is never captured; plan.yaml:3:53; run the service as another group, or correct one of the two"),
                Sources.problems(services("a: {from: {user: [orders, envoy], group: proxy}}")));
    }

    @Test
    void refuses_hosts_together_with_to_except_or_from() {
        assertEquals(
                List.of(
                        "service \"a\" has both hosts and to; plan.yaml:3:30; make two services of it",
                        "service \"a\" has both hosts and except; plan.yaml:3:39; take except out: only its hosts are captured",
                        "service \"a\" has both hosts and from, but a name is captured for everybody on the host; plan.yaml:3:61; take from out, or capture by to instead of hosts"),
                Sources.problems(services("a: {hosts: pay.i, to: any, except: \":22\", from: {user: bob}}")));
    }

    @Test
    void accepts_from_any_beside_hosts() {
        assertEquals(List.of(), Sources.problems(services("a: {hosts: pay.i, from: any}")));
    }

    @Test
    void refuses_ports_and_instances_without_hosts() {
        assertEquals(
                List.of(
                        "service \"a\" has ports but no hosts; plan.yaml:3:16; take ports out; to and except take :PORTS",
                        "service \"a\" has instances but no hosts; plan.yaml:3:35; take instances out, or write hosts"),
                Sources.problems(services("a: {ports: {80: 8000}, instances: [\"b:80\"]}")));
    }

    @Test
    void refuses_lists_that_name_nothing() {
        assertEquals(
                List.of(
                        "services.a.from.user \"[]\" names nothing; plan.yaml:3:23; write a user, or take the key out",
                        "services.a.to \"[]\" names nothing; plan.yaml:3:34; write any, or destinations",
                        "services.b.hosts \"[]\" names nothing; plan.yaml:3:47; write a name, or take the key out",
                        "services.c.from names nobody; plan.yaml:3:63; write any, or the caller, such as {user: orders}"),
                Sources.problems(services("a: {from: {user: []}, to: []}, b: {hosts: []}, c: {from: {}}")));
    }

    @Test
    void refuses_source_networks_where_no_interface_is_outbound() {
        assertProblem(
                "services.a.from.network names callers behind interfaces, but interfaces.outbound is empty; plan.yaml:3:23; "
                        + "write the bridges that they are behind into interfaces.outbound, such as br0",
                services("a: {from: {network: 10.1.0.0/16}}"));
        assertEquals(
                List.of(),
                Sources.problems(services("a: {from: {network: 10.1.0.0/16}}") + "interfaces: {outbound: br0}\n"));
    }

    @Test
    void refuses_a_services_listener_that_is_envoys_for_something_else() {
        assertEquals(
                List.of(
                        "port \"15053\" of services.a.outbound is envoy.dns, which does not listen for captured outbound TCP; plan.yaml:3:26; write the port of an outbound listener",
                        "port \"9901\" of services.b.ports is envoy.admin, which does not listen for captured outbound TCP; plan.yaml:3:60; write the port of an outbound listener"),
                Sources.problems(services("a: {outbound: 15053}, b: {hosts: b, ports: {80: 9901}}")));
    }

    @Test
    void refuses_a_name_that_two_services_capture_whatever_its_case() {
        assertProblem(
                "host name \"pay.internal\" is captured by service \"a\" too (plan.yaml:3:24); plan.yaml:3:55; leave it to one of them",
                services("a: {hosts: [Pay.internal]}, b: {hosts: [x, PAY.INTERNAL]}"));
    }

    @Test
    void refuses_names_of_the_host_itself() {
        assertEquals(
                List.of(
                        "host name \"LocalHost\" is this host's own, on which everything here relies; plan.yaml:3:24; write the name of another",
                        "host name \"a.localhost\" is this host's own, on which everything here relies; plan.yaml:3:35; write the name of another"),
                Sources.problems(services("a: {hosts: [LocalHost, a.localhost]}")));
    }

    @Test
    void refuses_a_client_port_that_stands_twice() {
        assertProblem(
                "key \"80\" stands twice in services.a.ports; plan.yaml:3:44; keep one; the other is at plan.yaml:3:34",
                services("a: {hosts: a, ports: {80: 8000, 80: 8001}}"));
    }

    @Test
    void refuses_inbound_and_dns_without_a_listener() {
        String plan = "version: 1\nenvoy: {user: envoy}\nservices: {}\ninbound: {}\ndns: {servers: any}\n";
        assertEquals(
                List.of(
                        "inbound is configured, but Envoy has no listener for it; plan.yaml:4:1; write envoy.inbound, such as 15006, or take this out",
                        "dns is configured, but Envoy has no listener for it; plan.yaml:5:1; write envoy.dns, such as 15053, or take this out"),
                Sources.problems(plan));
        assertProblem(
                "inbound is configured, but Envoy has no listener for it; --inbound-mode; write envoy.inbound, such as 15006, or take this out",
                Sources.HEAD,
                "--inbound-mode",
                "tproxy");
    }

    private static void assertProblem(String expected, String text, String flag, String value) {
        assertEquals(
                List.of(expected),
                Sources.problems(() -> Configuration.read(
                        Sources.plan(text), java.util.Map.of(flag, List.of(value)), java.util.Map.of())));
    }

    @Test
    void captures_all_inbound_ports_and_the_servers_of_resolv_conf_where_only_the_listeners_are_given() {
        Plan plan = Sources.read(services("")).plan();
        assertEquals(new Inbound(Choices.InboundMode.REDIRECT, Ports.ALL, Ports.NONE, false), plan.inbound());
        assertEquals(new Dns(Dns.Servers.RESOLV_CONF, List.of()), plan.dns());
        Plan without = Sources.read(Sources.HEAD).plan();
        assertNull(without.inbound());
        assertNull(without.dns());
    }

    @Test
    void reads_inbound_ports_and_envoys_own() throws Exception {
        Plan plan = Sources.read(services("") + "inbound: {mode: tproxy, to: [80, 8000-8100], except: [8080, envoy]}\n")
                .plan();
        assertEquals(
                new Inbound(Choices.InboundMode.TPROXY, Ports.parse("80,8000-8100"), Ports.parse("8080"), true),
                plan.inbound());
    }

    @Test
    void needs_the_admin_address_to_ask_envoy_for_its_ports() {
        assertProblem(
                "\"envoy\" in inbound.except needs envoy.admin, where its ports are asked for; plan.yaml:5:19; write envoy.admin, such as 127.0.0.1:9901, or the ports",
                "version: 1\nenvoy: {user: envoy, inbound: 15006}\nservices: {}\ninbound:\n  except: [15020, envoy]\n");
    }

    @Test
    void reads_dns_servers_that_are_listed() throws Exception {
        Plan plan = Sources.read(services("") + "dns: {servers: [192.0.2.53, \"2001:db8::53\"]}\n")
                .plan();
        assertNotNull(plan.dns());
        assertEquals(Dns.Servers.LISTED, plan.dns().servers());
        assertEquals("[192.0.2.53, 2001:db8::53]", plan.dns().addresses().toString());
    }

    @Test
    void refuses_a_word_among_listed_dns_servers() {
        assertProblem(
                "\"any\" stands beside others in dns.servers; plan.yaml:4:17; write it alone, or addresses only",
                services("") + "dns: {servers: [any, 192.0.2.53]}\n");
    }

    @Test
    void refuses_zones_that_fit_nothing() {
        String plan = services("pay: {hosts: pay.i}") + """
                zones:
                  east: {networks: 10.1.0.0/16, services: [pya], front-proxy: "p.east:10000"}
                  west: {networks: 10.1.2.3/16, front-proxy: "p.west:10000"}
                  north: {services: pay}
                  south: {front-proxy: "p.south:1"}
                  Bad_Name: {networks: [], front-proxy: "x"}
                """;
        assertEquals(
                List.of(
                        "service \"pya\" of a zone is not in the plan; plan.yaml:5:44; did you mean \"pay\"? write it into services first",
                        "network \"10.1.0.0/16\" belongs to another zone too (plan.yaml:5:20); plan.yaml:6:20; leave it to one of them",
                        "zone \"north\" has no front-proxy; plan.yaml:7:3; write front-proxy: \"HOST:PORT\"",
                        "zone \"south\" has neither networks nor services; plan.yaml:8:3; write at least one of them",
                        "zone name \"Bad_Name\" is not a DNS label; plan.yaml:9:3; write 1 to 40 of a-z, 0-9 and -, with a letter or digit first and last",
                        "address \"x\" is not HOST:PORT; plan.yaml:9:41; write HOST:PORT, such as 127.0.0.1:9901 or [::1]:9901"),
                Sources.problems(plan));
    }

    @Test
    void reads_interfaces() {
        Plan plan = Sources.read(Sources.HEAD + "interfaces: {except: [wg0], outbound: [virbr0, veth*]}\n")
                .plan();
        assertEquals("[wg0]", plan.interfaces().except().toString());
        assertEquals("[virbr0, veth*]", plan.interfaces().outbound().toString());
    }

    @Test
    void notes_a_network_with_host_bits() {
        assertNotes(
                List.of(
                        "network \"10.1.2.3/8\" is read as 10.0.0.0/8; plan.yaml:3:21",
                        "network \"fd00::1/8\" is read as fd00::/8; plan.yaml:3:38"),
                services("a: {to: [\"10.1.2.3/8:80\", \"[fd00::1/8]:443\"]}"));
    }

    @Test
    void notes_an_ipv4_mapped_address() {
        assertNotes(
                List.of("the IPv4-mapped address of \"[::ffff:10.0.0.1]:80\" is read as 10.0.0.1; plan.yaml:3:20"),
                services("a: {to: \"[::ffff:10.0.0.1]:80\"}"));
    }

    @Test
    void notes_a_value_that_is_listed_twice_and_keeps_it_once() {
        Configuration.Reading reading = Sources.read(services("a: {to: [10.0.0.0/8, \":80\", 10.1.0.0/8]}"));
        assertEquals(
                List.of(
                        "network \"10.1.0.0/8\" is read as 10.0.0.0/8; plan.yaml:3:40",
                        "services.a.to lists \"10.0.0.0/8\" twice; plan.yaml:3:21 and plan.yaml:3:40"),
                reading.notes());
        assertEquals(2, reading.plan().services().getFirst().to().size());
    }

    @Test
    void notes_an_except_of_everything() {
        assertEquals(
                List.of(
                        "except \"0.0.0.0/0\" is everything of IPv4: no service captures anything of IPv4; plan.yaml:4:10",
                        "services.a.except \"[::/0]:1-65535\" is everything of IPv6: service \"a\" captures nothing of IPv6; plan.yaml:3:24",
                        "services.b.except \":1-65535\" is everything: service \"b\" captures nothing; plan.yaml:3:55"),
                Sources.read(services("a: {except: \"[::/0]:1-65535\"}, b: {except: \":1-65535\"}")
                                + "except: [0.0.0.0/0, 10.0.0.0/8]\n")
                        .notes());
    }

    @Test
    void refuses_except_any() {
        assertProblem(
                "except \"any\" would leave nothing to capture; plan.yaml:3:24; write destinations such as 10.0.0.0/8 or :22",
                services("a: {except: any}"));
    }

    @Test
    void notes_a_destination_that_except_covers() {
        assertNotes(
                List.of(
                        "services.a.to \"10.1.0.0/16:443\" has no effect, since except covers it; plan.yaml:3:21",
                        "services.a.to \":22\" has no effect, since except covers it; plan.yaml:3:66"),
                services("a: {to: [10.1.0.0/16:443, 10.1.0.0/16:80, \"1100::/8\", \":22\"], "
                        + "except: [\"10.0.0.0/8:400-500\", \":22\"]}"));
    }

    @Test
    void service_with_nothing_but_bypassed_ipv6_destinations_is_refused() {
        assertProblem(
                "services.a.to names IPv6 destinations only, and ipv6 is \"bypass\" (plan.yaml:4:7), so the service would"
                        + " capture nothing; plan.yaml:3:21; write ipv6: auto or capture, add IPv4 destinations, or take"
                        + " the service out",
                services("a: {to: [\"fd00::/8\", \"[2001:db8::1]:80\"]}") + "ipv6: bypass\n");
    }

    @Test
    void notes_ipv6_destinations_that_are_bypassed() {
        assertNotes(
                List.of("services.a.to names 2 IPv6 destinations, left alone since ipv6 is \"bypass\"; plan.yaml:3:33"),
                services("a: {to: [10.0.0.0/8, \"fd00::/8\", \"2001:db8::1\"]}") + "ipv6: bypass\n");
    }

    @Test
    void notes_a_name_with_an_underscore() {
        assertNotes(
                List.of("host name \"a_b.internal\" has an underscore, which some resolvers refuse; plan.yaml:3:23"),
                services("a: {hosts: a_b.internal}"));
    }

    @Test
    void refuses_a_version_that_it_does_not_know() {
        assertProblem(
                "version \"2\" is not known; plan.yaml:1:10; write version: 1, or use a newer meshcapture",
                Sources.HEAD.replace("version: 1", "version: 2"));
        assertProblem(
                "the plan has no version; plan.yaml; write version: 1 as its first line",
                Sources.HEAD.replace("version: 1\n", ""));
    }
}
