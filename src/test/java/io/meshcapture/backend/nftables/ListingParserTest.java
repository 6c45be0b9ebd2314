package io.meshcapture.backend.nftables;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.meshcapture.backend.nftables.Ruleset.Chain;
import io.meshcapture.backend.nftables.Ruleset.Element;
import io.meshcapture.backend.nftables.Ruleset.NftSet;
import io.meshcapture.rules.SmallWorld;
import java.util.List;
import org.junit.jupiter.api.Test;

/**
 * On what nft 1.0.6 printed for a table with everything in it that can stand in its way: two listings of the same table,
 * with counters and timers and without.
 */
class ListingParserTest {

    private final Ruleset read = ListingParser.parse(Listings.real("nft-1.0.6-with-counters.txt"));
    private final Ruleset stateless = ListingParser.parse(Listings.real("nft-1.0.6-stateless.txt"));

    private NftSet set(String name) {
        NftSet set = read.sets().get(name);
        assertNotNull(set, name);
        return set;
    }

    @Test
    void reads_the_tables_comment_and_every_set_and_chain() {
        assertEquals("meshcapture schema 1", read.comment());
        assertEquals(
                List.of(
                        "services",
                        "envoy_users",
                        "envoy_groups",
                        "grace",
                        "open_ip",
                        "cg",
                        "user_1_ip",
                        "user_1_ip6",
                        "others",
                        "dns",
                        "data",
                        "ranges",
                        "others_timeouts",
                        "empty"),
                List.copyOf(read.sets().keySet()));
        assertEquals(List.of("to_15001", "output"), List.copyOf(read.chains().keySet()));
    }

    @Test
    void tells_sets_from_maps_and_keeps_their_declarations() {
        assertFalse(set("services").isMap());
        assertEquals(List.of("type mark . mark"), set("services").declaration());
        assertTrue(set("cg").isMap());
        assertEquals(
                List.of("type cgroupsv2 . ipv6_addr . inet_service : verdict", "flags interval", "counter"),
                set("cg").declaration());
        assertEquals(
                List.of("type ipv4_addr", "timeout 1h"), set("others_timeouts").declaration());
    }

    @Test
    void reads_elements_on_one_line_and_on_many() {
        assertEquals(
                List.of("101", "1337", "1338"),
                List.copyOf(set("envoy_users").elements().keySet()));
        assertEquals(3, set("open_ip").elements().size());
        assertTrue(set("envoy_groups").elements().isEmpty());
        assertTrue(set("empty").elements().isEmpty());
    }

    @Test
    void reads_key_counter_comment_and_verdict_of_an_element() {
        assertEquals(
                List.of(
                        new Element("1001 . 10.0.0.0/8 . 80", "", "a, b } { : c", "accept", 0, 0),
                        new Element(
                                "1001 . 0.0.0.0/0 . 443", "", "orders", "goto to_15001", 4294967296L, 257698037760L)),
                List.copyOf(set("user_1_ip").elements().values()));
        assertEquals(
                new Element(
                        "0x00125d92 . 0x50be8b4c", "", "orders 00c3e919ce8b239f 0.1.0 2026-11-01T12:00:00Z", "", 0, 0),
                set("services").elements().values().iterator().next());
    }

    @Test
    void keeps_ipv6_addresses_in_one_spelling_also_beside_control_groups() {
        assertEquals(
                List.of("1001 . ::1.2.3.4 . 443", "1001 . ::/0 . 0-65535", "0 . ::1:0:0/96 . 1"),
                List.copyOf(set("user_1_ip6").elements().keySet()));
        assertEquals(
                List.of(
                        new Element(
                                "\"shop.slice/a@b,c:d.service\" . ::1.2.3.4 . 80-90", "", "orders", "accept", 12, 720),
                        new Element(
                                "\"shop.slice/a@b,c:d.service\" . fd00::/8 . 0-65535",
                                "",
                                "orders",
                                "goto to_15001",
                                0,
                                0)),
                List.copyOf(set("cg").elements().values()));
    }

    @Test
    void a_c_library_that_spells_addresses_otherwise_makes_no_difference() {
        Ruleset otherwise =
                ListingParser.parse(Listings.real("nft-1.0.6-with-counters.txt").replace("::1.2.3.4", "::102:304"));
        assertEquals(read, otherwise);
    }

    @Test
    void keeps_timeouts_apart_from_keys() {
        assertEquals(
                List.of("ipv4", "ipv6"), List.copyOf(set("grace").elements().keySet()));
        Element timed = set("others_timeouts").elements().get("10.0.0.1");
        assertNotNull(timed);
        assertEquals("x y", timed.comment());
        assertTrue(timed.options().startsWith("timeout 5m30s expires "), timed.options());
    }

    @Test
    void reads_sets_of_others_without_minding_their_shape() {
        assertEquals(
                List.of("\"eth0\"", "\"br-{x}\""),
                List.copyOf(set("others").elements().keySet()));
        assertEquals(
                "10.0.0.2 . 53",
                set("dns").elements().values().iterator().next().verdict());
        assertEquals(List.of("typeof ip daddr : meta mark"), set("data").declaration());
        assertEquals(
                List.of("10.0.0.1-10.0.0.9", "10.9.0.0/16"),
                List.copyOf(set("ranges").elements().keySet()));
    }

    @Test
    void reads_chains_with_their_rules_in_order_as_text() {
        assertEquals(
                new Chain(
                        "output",
                        "type nat hook output priority -101; policy accept;",
                        List.of(
                                "meta skuid @envoy_users counter accept comment \"Envoy's { own\"",
                                "meta skuid . ip daddr . th dport vmap @user_1_ip")),
                stateless.chains().get("output"));
        assertEquals(
                new Chain(
                        "to_15001",
                        null,
                        List.of(
                                "comment \"a chain's comment\"",
                                "meta l4proto tcp counter redirect to :15001 comment \"to Envoy\"")),
                stateless.chains().get("to_15001"));
    }

    @Test
    void reads_the_same_with_and_without_counters() {
        assertEquals(read.sets().keySet(), stateless.sets().keySet());
        read.sets().forEach((name, set) -> {
            NftSet other = stateless.sets().get(name);
            assertNotNull(other);
            assertEquals(set.declaration(), other.declaration());
            assertEquals(set.elements().keySet(), other.elements().keySet(), name);
            set.elements().forEach((key, element) -> {
                Element same = other.elements().get(key);
                assertTrue(same != null && element.isSame(same), name + " " + key);
            });
        });
    }

    @Test
    void an_empty_listing_is_an_empty_ruleset() {
        Ruleset empty = ListingParser.parse("table inet meshcapture {\n}\n");
        assertNull(empty.comment());
        assertEquals(Ruleset.empty(), empty);
        assertEquals(Ruleset.empty(), ListingParser.parse(""));
    }

    @Test
    void a_listing_that_ends_too_early_is_read_as_far_as_it_goes() {
        String listing = Listings.real("nft-1.0.6-with-counters.txt");
        for (int end = 0; end < listing.length(); end += 7) {
            assertTrue(ListingParser.parse(listing.substring(0, end)).sets().size() <= 14);
        }
    }

    @Test
    void reads_back_what_is_written_for_any_plan() {
        for (int seed = 0; seed < 120; seed++) {
            Ruleset written = Listings.rendered(new SmallWorld(seed));
            String text = RulesetText.of(written);
            Ruleset back = ListingParser.parse(text);
            assertEquals(written, back, "seed " + seed);
            assertEquals(text, RulesetText.of(back), "seed " + seed);
        }
    }
}
