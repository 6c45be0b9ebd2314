package io.meshcapture.backend.nftables;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.meshcapture.backend.nftables.Ruleset.Element;
import io.meshcapture.backend.nftables.Ruleset.NftSet;
import io.meshcapture.rules.SmallWorld;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

class TransactionTest {

    private static final Ruleset STANDS = ListingParser.parse("""
            table inet meshcapture {
            	comment "meshcapture schema 1"
            	set envoy_users {
            		type uid
            		elements = { 101 }
            	}
            	map user_1_ip {
            		type uid . ipv4_addr . inet_service : verdict
            		flags interval
            		counter
            		elements = { 1001 . 10.0.0.0/8 . 80 comment "orders" : goto to_15001,
            			     1002 . 10.0.0.0/8 . 80 comment "ledger" : goto to_15002 }
            	}
            	chain to_15001 {
            		meta l4proto tcp redirect to :15001 comment "to Envoy"
            	}
            	chain to_15002 {
            		meta l4proto tcp redirect to :15002 comment "to Envoy"
            	}
            	chain output {
            		type nat hook output priority -101; policy accept;
            		meta skuid @envoy_users accept
            		meta skuid . ip daddr . th dport vmap @user_1_ip
            	}
            }
            """);

    private static Ruleset wanted(String replaced, String by) {
        String text = RulesetText.of(STANDS);
        assertTrue(text.contains(replaced), replaced);
        return ListingParser.parse(text.replace(replaced, by));
    }

    private static List<String> script(Ruleset wanted) {
        String script = Transaction.between(STANDS, wanted);
        assertEquals(wanted, TinyNft.run(STANDS, script));
        return script.lines().toList();
    }

    @Test
    void of_equal_rulesets_is_nothing() {
        assertEquals(List.of(), script(wanted("101", "101")));
    }

    @Test
    void makes_all_of_it_where_nothing_stands_referring_to_nothing_before_it_is_there() {
        String script = Transaction.between(null, STANDS);
        assertEquals(STANDS, TinyNft.run(null, script));
        assertEquals(
                List.of(
                        "add table inet meshcapture { comment \"meshcapture schema 1\"; }",
                        "add chain inet meshcapture to_15001",
                        "add chain inet meshcapture to_15002",
                        "add chain inet meshcapture output { type nat hook output priority -101; policy accept; }",
                        "add set inet meshcapture envoy_users { type uid; }",
                        "add map inet meshcapture user_1_ip { type uid . ipv4_addr . inet_service : verdict;"
                                + " flags interval; counter; }",
                        "add element inet meshcapture envoy_users { 101 }",
                        "add element inet meshcapture user_1_ip { 1001 . 10.0.0.0/8 . 80 comment \"orders\" : goto"
                                + " to_15001, 1002 . 10.0.0.0/8 . 80 comment \"ledger\" : goto to_15002 }",
                        "add rule inet meshcapture to_15001 meta l4proto tcp redirect to :15001 comment \"to Envoy\"",
                        "add rule inet meshcapture to_15002 meta l4proto tcp redirect to :15002 comment \"to Envoy\"",
                        "add rule inet meshcapture output meta skuid @envoy_users accept",
                        "add rule inet meshcapture output meta skuid . ip daddr . th dport vmap @user_1_ip"),
                script.lines().toList());
    }

    @Test
    void adds_and_deletes_single_elements() {
        assertEquals(
                List.of(
                        "delete element inet meshcapture envoy_users { 101 }",
                        "add element inet meshcapture envoy_users { 1337 }"),
                script(wanted("{ 101 }", "{ 1337 }")));
    }

    @Test
    void an_element_with_another_verdict_or_comment_is_deleted_first_since_adding_would_not_change_it() {
        assertEquals(
                List.of(
                        "delete element inet meshcapture user_1_ip { 1002 . 10.0.0.0/8 . 80-80 }",
                        "add element inet meshcapture user_1_ip { 1002 . 10.0.0.0/8 . 80 comment \"ledger\" : accept }"),
                script(wanted("\"ledger\" : goto to_15002", "\"ledger\" : accept")));
        assertEquals(2, script(wanted("\"ledger\"", "\"ledger2\"")).size());
    }

    @Test
    void counters_and_timers_are_no_difference() {
        Ruleset counted = ListingParser.parse(RulesetText.of(STANDS)
                .replace("10.0.0.0/8 . 80 comment", "10.0.0.0/8 . 80 counter packets 7 bytes 420 comment")
                .replace("{ 101 }", "{ 101 timeout 5s expires 3s }"));
        assertFalse(STANDS.equals(counted));
        assertEquals("", Transaction.between(STANDS, counted));
        assertEquals("", Transaction.between(counted, STANDS));
    }

    @Test
    void a_chain_whose_rules_differ_is_flushed_and_filled_again() {
        assertEquals(
                List.of(
                        "flush chain inet meshcapture to_15002",
                        "add rule inet meshcapture to_15002 meta l4proto tcp redirect to :15002 comment \"elsewhere\""),
                script(wanted("to :15002 comment \"to Envoy\"", "to :15002 comment \"elsewhere\"")));
    }

    @Test
    void what_the_kernel_does_not_alter_is_built_anew_in_the_same_transaction() {
        for (Ruleset stands : List.of(
                wanted("priority -101", "priority -50"),
                wanted("policy accept", "policy drop"),
                wanted("type uid\n", "type gid\n"),
                new Ruleset(STANDS.comment(), true, STANDS.sets(), STANDS.chains(), List.of()))) {
            String script = Transaction.anew(STANDS);
            assertEquals("delete table inet meshcapture\n" + Transaction.between(null, STANDS), script);
            assertEquals(STANDS, TinyNft.run(stands, script));
        }
    }

    @Test
    void an_element_of_concatenated_intervals_is_deleted_as_the_range_that_it_is() {
        assertEquals(
                "delete element inet meshcapture m { 2001 . 10.0.0.1 . 8080-8080 }\n",
                deletion("uid . ipv4_addr . inet_service", "2001 . 10.0.0.1 . 8080"));
        assertEquals(
                "delete element inet meshcapture m { fd98::1 . 2001-2001 . 80-90 }\n",
                deletion("ipv6_addr . uid . inet_service", "fd98::1 . 2001 . 80-90"));
        assertEquals(
                "delete element inet meshcapture m { 10.0.0.0/8 . 0-65535 }\n",
                deletion("ipv4_addr . inet_service", "10.0.0.0/8 . 0-65535"));
    }

    private static String deletion(String type, String key) {
        Element element = Element.of(key, "orders", "accept");
        return Transaction.between(ruleset(type, Map.of(key, element)), ruleset(type, Map.of()));
    }

    private static Ruleset ruleset(String type, Map<String, Element> elements) {
        NftSet map =
                new NftSet("m", true, List.of("type " + type + " : verdict", "flags interval", "counter"), elements);
        return new Ruleset("comment", new LinkedHashMap<>(Map.of("m", map)), new LinkedHashMap<>());
    }

    @Test
    void no_command_has_more_elements_than_fit_into_one_message() {
        LinkedHashMap<String, Element> many = new LinkedHashMap<>();
        for (int uid = 1; uid <= 300; uid++) {
            String key = uid + " . 10.0.0.0/8 . 443-444";
            many.put(key, Element.of(key, "s" + uid, "accept"));
        }
        Ruleset full = ruleset("uid . ipv4_addr . inet_service", many);
        Ruleset empty = ruleset("uid . ipv4_addr . inet_service", Map.of());
        for (String script : List.of(Transaction.between(empty, full), Transaction.between(full, empty))) {
            assertEquals(
                    List.of(128, 128, 44),
                    script.lines().map(line -> line.split(", ", -1).length).toList());
        }
        assertEquals(full, TinyNft.run(empty, Transaction.between(empty, full)));
        assertEquals(empty, TinyNft.run(full, Transaction.between(full, empty)));
    }

    @Test
    void what_is_not_wanted_goes_after_whatever_refers_to_it() {
        Ruleset wanted = wanted("\t\tmeta skuid . ip daddr . th dport vmap @user_1_ip\n", "");
        wanted.sets().remove("user_1_ip");
        wanted.chains().remove("to_15001");
        wanted.chains().remove("to_15002");
        assertEquals(
                List.of(
                        "flush chain inet meshcapture output",
                        "add rule inet meshcapture output meta skuid @envoy_users accept",
                        "flush chain inet meshcapture to_15001",
                        "flush chain inet meshcapture to_15002",
                        "delete map inet meshcapture user_1_ip",
                        "delete chain inet meshcapture to_15001",
                        "delete chain inet meshcapture to_15002"),
                script(wanted));
    }

    @Test
    void leads_from_any_ruleset_to_any_other_and_touches_only_what_differs() {
        for (int seed = 0; seed < 120; seed++) {
            SmallWorld world = new SmallWorld(seed);
            Ruleset from = Listings.rendered(world);
            Ruleset to = Listings.rendered(world);
            String where = "seed " + seed;
            assertEquals(from, TinyNft.run(null, Transaction.between(null, from)), where);
            String script = Transaction.between(from, to);
            assertEquals(to, TinyNft.run(from, script), where);
            assertEquals("", Transaction.between(to, TinyNft.run(from, script)), where);
            for (NftSet set : to.sets().values()) {
                if (set.equals(from.sets().get(set.name()))) {
                    assertFalse(script.contains(" inet meshcapture " + set.name() + " "), where + " " + set.name());
                }
            }
            List<String> same = new ArrayList<>();
            to.chains().forEach((name, chain) -> {
                if (chain.equals(from.chains().get(name))) {
                    same.add(name);
                }
            });
            for (String name : same) {
                assertTrue(
                        script.lines()
                                .noneMatch(line -> line.matches(
                                        "(add|flush|delete) (chain|rule) inet meshcapture " + name + "( .*|$)")),
                        where + " " + name);
            }
        }
    }
}
