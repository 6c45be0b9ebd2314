package io.meshcapture.backend.nftables;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.meshcapture.backend.Finding;
import io.meshcapture.backend.nftables.Ruleset.Chain;
import io.meshcapture.plan.ServiceName;
import io.meshcapture.rules.SmallWorld;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;

class DriftTest {

    private static final String WANTED = """
            table inet meshcapture {
            	comment "meshcapture schema 1"
            	set services {
            		type mark . mark
            		elements = { 0x1 . 0x2 comment "orders 00c3e919ce8b239f" }
            	}
            	set trial {
            		type nf_proto
            		flags timeout
            	}
            	map user_1_ip {
            		type uid . ipv4_addr . inet_service : verdict
            		flags interval
            		elements = { 1001 . 10.0.0.0/8 . 80 comment "orders" : goto to_15001,
            			     1002 . 10.0.0.0/8 . 80 comment "ledger" : goto to_15001,
            			     0 . 10.0.0.1 . 22 : accept }
            	}
            	chain output {
            		type nat hook output priority -101; policy accept;
            		a
            		b
            		c
            		d
            	}
            }
            """;

    private static List<Finding> drift(String replaced, String by) {
        assertTrue(WANTED.contains(replaced), replaced);
        return Drift.between(ListingParser.parse(WANTED.replace(replaced, by)), ListingParser.parse(WANTED), null);
    }

    private static Finding element(String service, String stands, String should) {
        return new Finding(service, "map user_1_ip", stands, should);
    }

    @Test
    void of_equal_rulesets_is_nothing() {
        assertEquals(List.of(), drift("", ""));
    }

    @Test
    void names_the_service_of_a_missing_an_extra_and_a_changed_element() {
        assertEquals(
                List.of(element("orders", "", "1001 . 10.0.0.0/8 . 80 comment \"orders\" : goto to_15001")),
                drift("1001 . 10.0.0.0/8 . 80 comment \"orders\" : goto to_15001,", ""));
        assertEquals(
                List.of(element("ledger", "1003 . 10.0.0.0/8 . 80 comment \"ledger\" : accept", "")),
                drift("elements = { 1001", "elements = { 1003 . 10.0.0.0/8 . 80 comment \"ledger\" : accept, 1001"));
        assertEquals(
                List.of(element(
                        "ledger",
                        "1002 . 10.0.0.0/8 . 80 comment \"ledger\" : accept",
                        "1002 . 10.0.0.0/8 . 80 comment \"ledger\" : goto to_15001")),
                drift("\"ledger\" : goto to_15001", "\"ledger\" : accept"));
    }

    @Test
    void an_element_of_nobody_is_everybodys() {
        assertEquals(
                List.of(new Finding(null, "map user_1_ip", "0 . 10.0.0.1 . 23 : accept", "")),
                drift("0 . 10.0.0.1 . 22 : accept", "0 . 10.0.0.1 . 22 : accept, 0 . 10.0.0.1 . 23 : accept"));
    }

    @Test
    void the_record_of_a_service_belongs_to_the_service() {
        assertEquals(
                List.of(new Finding(
                        "orders",
                        "set services",
                        "0x1 . 0x2 comment \"orders 0123\"",
                        "0x1 . 0x2 comment \"orders 00c3e919ce8b239f\"")),
                drift("orders 00c3e919ce8b239f", "orders 0123"));
    }

    @Test
    void compares_only_the_elements_of_the_services_that_are_asked_for_and_all_that_is_shared() {
        Ruleset live = ListingParser.parse(
                WANTED.replace("\"orders\" : goto", "\"orders\" : jump").replace("\t\tb\n", ""));
        Ruleset wanted = ListingParser.parse(WANTED);
        assertEquals(
                List.of(new Finding(null, "chain output rule 2", "", "b")),
                Drift.between(live, wanted, Set.of(new ServiceName("ledger"))));
        assertEquals(
                2,
                Drift.between(live, wanted, Set.of(new ServiceName("orders"))).size());
    }

    @Test
    void what_lives_in_sets_that_live_is_no_drift() {
        assertEquals(List.of(), drift("flags timeout", "flags timeout\n\t\telements = { ipv4 timeout 5s }"));
    }

    @Test
    void tells_missing_extra_and_changed_sets() {
        assertEquals(
                List.of(new Finding(null, "set trial", "", "set trial")),
                drift("\tset trial {\n\t\ttype nf_proto\n\t\tflags timeout\n\t}\n", ""));
        assertEquals(
                List.of(new Finding(null, "set other", "set other", ""), new Finding(null, "set other", "7", "")),
                drift("\tchain output {", "\tset other {\n\t\ttype uid\n\t\telements = { 7 }\n\t}\n\tchain output {"));
        assertEquals(
                List.of(new Finding(null, "set trial", "type nf_proto; flags dynamic", "type nf_proto; flags timeout")),
                drift("flags timeout", "flags dynamic"));
    }

    @Test
    void tells_missing_extra_and_changed_chains() {
        assertEquals(
                List.of(new Finding(null, "chain mine", "chain mine", "")),
                drift("\tchain output {", "\tchain mine {\n\t\taccept\n\t}\n\tchain output {"));
        assertEquals(
                List.of(new Finding(
                        null,
                        "chain output",
                        "type nat hook output priority -50; policy accept;",
                        "type nat hook output priority -101; policy accept;")),
                drift("priority -101", "priority -50"));
        assertEquals(
                List.of(new Finding(null, "chain output", "", "chain output")),
                Drift.between(
                        new Ruleset(null, ListingParser.parse(WANTED).sets(), new LinkedHashMap<>()),
                        ListingParser.parse(WANTED),
                        null));
    }

    private static void assertRules(List<String> stands, String... findings) {
        Ruleset live = chain(stands);
        Ruleset wanted = chain(List.of("a", "b", "c", "d"));
        assertEquals(
                List.of(findings),
                Drift.between(live, wanted, null).stream()
                        .map(finding -> finding.where().replace("chain output rule ", "")
                                + (finding.stands().isEmpty() ? "" : " -" + finding.stands())
                                + (finding.should().isEmpty() ? "" : " +" + finding.should()))
                        .toList());
    }

    private static Ruleset chain(List<String> rules) {
        Ruleset ruleset = Ruleset.empty();
        ruleset.chains().put("output", new Chain("output", null, rules));
        return ruleset;
    }

    @Test
    void names_a_standing_rule_by_where_it_stands_and_a_missing_one_by_where_it_should() {
        assertRules(List.of("a", "b", "c", "d"));
        assertRules(List.of("b", "c", "d"), "1 +a");
        assertRules(List.of("a", "b", "c"), "4 +d");
        assertRules(List.of("a", "d"), "2 +b", "3 +c");
        assertRules(List.of(), "1 +a", "2 +b", "3 +c", "4 +d");
        assertRules(List.of("x", "a", "b", "c", "d"), "1 -x");
        assertRules(List.of("a", "x", "y", "b", "c", "z", "d", "z"), "2 -x", "3 -y", "6 -z", "8 -z");
        assertRules(List.of("a", "a", "b", "c", "d"), "2 -a");
        assertRules(List.of("a", "x", "c", "d"), "2 -x +b");
        assertRules(List.of("x", "y", "z", "d"), "1 -x +a", "2 -y +b", "3 -z +c");
    }

    @Test
    void a_moved_rule_is_surplus_in_one_place_and_missing_in_another() {
        assertRules(List.of("b", "a", "c", "d"), "1 -b", "2 +b");
        assertRules(List.of("d", "a", "b", "c"), "1 -d", "4 +d");
        assertRules(List.of("b", "c", "d", "a"), "1 +a", "4 -a");
    }

    @Test
    void is_nothing_exactly_where_the_transaction_is_nothing() {
        for (int seed = 0; seed < 120; seed++) {
            SmallWorld world = new SmallWorld(seed);
            Ruleset live = Listings.rendered(world);
            Ruleset wanted = Listings.rendered(world);
            assertEquals(List.of(), Drift.between(live, live, null), "seed " + seed);
            assertEquals(
                    Transaction.between(live, wanted).isEmpty(),
                    Drift.between(live, wanted, null).isEmpty(),
                    "seed " + seed);
        }
    }
}
