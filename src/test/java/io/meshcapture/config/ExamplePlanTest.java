package io.meshcapture.config;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.meshcapture.plan.Account;
import io.meshcapture.plan.Choices;
import io.meshcapture.plan.Destination;
import io.meshcapture.plan.Dns;
import io.meshcapture.plan.From;
import io.meshcapture.plan.HostName;
import io.meshcapture.plan.HostPort;
import io.meshcapture.plan.Inbound;
import io.meshcapture.plan.Interfaces;
import io.meshcapture.plan.Network;
import io.meshcapture.plan.Origin;
import io.meshcapture.plan.Plan;
import io.meshcapture.plan.Port;
import io.meshcapture.plan.Ports;
import io.meshcapture.plan.Service;
import io.meshcapture.plan.ServiceName;
import io.meshcapture.plan.UnitName;
import io.meshcapture.plan.Zone;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

/** The plan that the documentation shows, key by key. */
class ExamplePlanTest {
    private static final String FILE = "example.yaml";

    private final Configuration.Reading reading = Configuration.read(Sources.resource(FILE), Map.of(), Map.of());
    private final Plan plan = reading.plan();

    private static Origin at(int line, int column) {
        return new Origin(FILE, line, column);
    }

    @Test
    void reads_without_a_note() {
        assertEquals(List.of(), reading.notes());
    }

    @Test
    void reads_envoy() {
        assertEquals(
                List.of(new Account(Account.Kind.USER, "envoy", at(3, 9))),
                plan.envoy().users());
        assertEquals(List.of(), plan.envoy().groups());
        assertEquals(new Port(15001), plan.envoy().outbound());
        assertEquals(new Port(15006), plan.envoy().inbound());
        assertEquals(new Port(15053), plan.envoy().dns());
        assertEquals(new HostPort("127.0.0.1", new Port(9901)), plan.envoy().admin());
    }

    @Test
    void reads_the_settings_of_the_top_level() {
        assertEquals(Choices.Backend.AUTO, plan.backend());
        assertEquals(Choices.Ipv6.AUTO, plan.ipv6());
        assertEquals(Choices.Udp443.BYPASS, plan.udp443());
        assertEquals(Choices.Invalid.ACCEPT, plan.invalid());
        assertEquals(Choices.HostsPorts.AUTO, plan.hostsPorts());
        assertEquals(List.of(), plan.except());
        assertEquals(Interfaces.NONE, plan.interfaces());
    }

    @Test
    void reads_the_services_in_their_order() {
        assertEquals(
                List.of("orders", "ledger", "payments"),
                plan.services().stream().map(service -> service.name().value()).toList());
    }

    @Test
    void reads_a_service_of_a_user() throws Exception {
        Service orders = plan.service(new ServiceName("orders")).orElseThrow();
        assertEquals(
                new From(
                        List.of(new Account(Account.Kind.USER, "orders", at(18, 18))),
                        List.of(),
                        List.of(),
                        List.of(),
                        List.of()),
                orders.from());
        assertEquals(List.of(Destination.any(at(20, 9))), orders.to());
        assertEquals(
                List.of(
                        new Destination(Network.parse("10.0.0.0/8"), Ports.parse("5432"), at(21, 14)),
                        new Destination(null, Ports.parse("22"), at(21, 31)),
                        new Destination(Network.parse("fd00:12::/48"), Ports.ALL, at(21, 38)),
                        new Destination(Network.parse("192.0.2.10"), Ports.ALL, at(21, 56))),
                orders.except());
        assertEquals(Choices.OnEnvoyDown.OPEN, orders.onEnvoyDown());
        assertEquals(new Port(15002), orders.outbound());
        assertNull(orders.hosts());
        assertEquals(at(17, 3), orders.origin());
    }

    @Test
    void reads_a_service_of_a_unit_and_fills_in_the_defaults() throws Exception {
        Service ledger = plan.service(new ServiceName("ledger")).orElseThrow();
        assertEquals(
                new From(
                        List.of(),
                        List.of(),
                        List.of(new UnitName("ledger.service", at(25, 18))),
                        List.of(),
                        List.of()),
                ledger.from());
        assertEquals(
                List.of(
                        new Destination(Network.parse("10.20.0.0/16"), Ports.parse("443"), at(26, 10)),
                        new Destination(null, Ports.parse("8000-8100"), at(26, 28))),
                ledger.to());
        assertEquals(List.of(), ledger.except());
        assertEquals(Choices.OnEnvoyDown.CLOSED, ledger.onEnvoyDown());
        assertEquals(new Port(15001), ledger.outbound());
        assertNull(ledger.hosts());
    }

    @Test
    void reads_a_service_of_hosts() {
        Service payments = plan.service(new ServiceName("payments")).orElseThrow();
        assertTrue(payments.from().isAnybody());
        assertNotNull(payments.hosts());
        assertEquals(
                List.of(new HostName("payments.internal"), new HostName("payments")),
                payments.hosts().names());
        assertEquals(
                Map.of(new Port(80), new Port(8000), new Port(443), new Port(15001)),
                payments.hosts().ports());
        assertEquals(
                List.of(new HostPort("payments.internal", new Port(8080)), new HostPort("10.20.0.5", new Port(8080))),
                payments.hosts().instances());
    }

    @Test
    void reads_inbound_dns_and_zones() throws Exception {
        assertEquals(
                new Inbound(Choices.InboundMode.REDIRECT, Ports.ALL, Ports.parse("15020,15021"), false),
                plan.inbound());
        assertEquals(new Dns(Dns.Servers.RESOLV_CONF, List.of()), plan.dns());
        assertEquals(
                List.of(new Zone(
                        new ServiceName("east"),
                        List.of(Network.parse("10.50.0.0/16")),
                        List.of(new ServiceName("payments")),
                        new HostPort("proxy.east.example", new Port(10000)),
                        at(38, 3))),
                plan.zones());
    }

    @Test
    void says_where_every_setting_came_from() {
        StringBuilder shown = new StringBuilder();
        for (Configuration.Provenance one : reading.provenance()) {
            shown.append(one.key() + " = " + one.value() + " (" + one.origin() + ")\n");
        }
        Sources.assertGolden("example-origins.txt", shown.toString());
    }
}
