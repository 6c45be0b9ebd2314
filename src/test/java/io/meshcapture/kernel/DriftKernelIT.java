package io.meshcapture.kernel;

import static io.meshcapture.kernel.Program.ENVOY;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.meshcapture.lab.InNetns;
import io.meshcapture.lab.Lab;
import io.meshcapture.lab.Meshcapture.Outcome;
import io.meshcapture.lab.Run;
import io.meshcapture.lab.Verdict;
import io.meshcapture.lab.Verdict.Direct;
import io.meshcapture.lab.Verdict.Proxied;
import io.meshcapture.lab.Verdict.Refused;
import java.util.Arrays;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Somebody edits our table: check names what stands and what should, apply repairs that and nothing else. */
@InNetns
class DriftKernelIT {
    private static final String PLAN = ENVOY + """
            except: ["192.0.2.0/24"]
            services:
              orders: {from: {user: 1001}, except: [":5432"]}
              ledger: {from: {user: 1002}, to: [10.0.0.0/8, "[fd99::]/16"], outbound: 15002}
            """.replace("\"[fd99::]/16\"", "\"fd99::/16\"");

    @BeforeEach
    void applied(Lab lab) {
        lab.proxy(15001);
        lab.proxy(15002);
        Program.apply(PLAN);
        assertEquals(new Proxied(15002, "10.99.0.1:8080"), ledger(lab));
    }

    @ParameterizedTest(name = "{0}")
    @CsvSource(delimiter = '|', textBlock = """
            insert rule inet meshcapture output tcp dport 8080 accept | chain output rule 1 | - tcp dport 8080 accept
            insert rule inet meshcapture outbound tcp dport 8080 accept | chain outbound rule 1 | - tcp dport 8080 accept
            add rule inet meshcapture outbound tcp dport 8080 accept  | chain outbound rule   | - tcp dport 8080 accept
            insert rule inet meshcapture to_15002 counter return      | chain to_15002 rule 1 | - counter
            flush chain inet meshcapture output                       | chain output rule 1 | + goto outbound
            flush chain inet meshcapture outbound                     | chain outbound rule 1 | + meta l4proto != tcp accept
            flush chain inet meshcapture to_15002                     | chain to_15002 rule 1 | + meta l4proto tcp redirect to :15002
            flush chain inet meshcapture open_connections             | chain open_connections rule 1 | + ip saddr 127.0.0.0/8
            add chain inet meshcapture mine                           | chain mine | - chain mine
            add set inet meshcapture mine { type uid; elements = { 7 }; } | set mine | - set mine
            add counter inet meshcapture hits { comment "hello"; } | table inet meshcapture | - counter hits
            delete element inet meshcapture envoy_users { 1337 }      | set envoy_users | + 1337
            add element inet meshcapture envoy_users { 1002 }         | set envoy_users | - 1002
            delete element inet meshcapture user_2_ip { 1002 . 10.0.0.0/8 . 0-65535 } | map user_2_ip (service ledger) | + 1002 . 10.0.0.0/8 . 0-65535 comment "ledger" : goto to_15002
            add element inet meshcapture user_2_ip { 1003 . 10.0.0.0/8 . 80 : goto to_15001 } | map user_2_ip | - 1003 . 10.0.0.0/8 . 80 : goto to_15001
            flush map inet meshcapture user_2_ip                      | map user_2_ip (service ledger) | + 1002 . 10.0.0.0/8 . 0-65535 comment "ledger" : goto to_15002
            flush set inet meshcapture services                       | set services | comment "ledger
            add chain inet meshcapture output { policy drop; }        | chain output | policy drop
            """)
    void edit_is_named_and_repaired(String edit, String where, String difference, Lab lab) {
        String before = lab.nft().list();
        lab.nft().apply(edit);
        assertRepaired(where, difference, before, lab);
    }

    @Test
    void element_that_was_turned_around_is_named_with_both_verdicts(Lab lab) {
        String before = lab.nft().list();
        lab.nft().apply("""
                delete element inet meshcapture user_2_ip { 1002 . 10.0.0.0/8 . 0-65535 }
                add element inet meshcapture user_2_ip { 1002 . 10.0.0.0/8 . 0-65535 comment "ledger" : accept }
                """);
        Outcome check = assertRepaired(
                "map user_2_ip (service ledger)",
                "- 1002 . 10.0.0.0/8 . 0-65535 comment \"ledger\" : accept",
                before,
                lab);
        assertTrue(check.out().contains("+ 1002 . 10.0.0.0/8 . 0-65535 comment \"ledger\" : goto to_15002"));
    }

    @Test
    void deleted_rule_is_named_and_put_back_in_its_place(Lab lab) {
        String before = lab.nft().list();
        lab.nft().apply("delete rule inet meshcapture outbound handle " + handle("@envoy_users accept"));
        assertRepaired("chain outbound rule 3", "+ meta skuid @envoy_users accept", before, lab);
    }

    @Test
    void rule_that_was_moved_is_named_and_put_back_in_its_place(Lab lab) {
        String before = lab.nft().list();
        lab.nft()
                .apply("delete rule inet meshcapture outbound handle " + handle("@envoy_users accept")
                        + "\nadd rule inet meshcapture outbound meta skuid @envoy_users accept"
                        + " comment \"Envoy's own traffic, by user, is never captured\"\n");
        assertRepaired("chain outbound rule", "meta skuid @envoy_users accept", before, lab);
    }

    @Test
    void chain_that_was_hooked_elsewhere_is_named_and_repaired(Lab lab) {
        String before = lab.nft().list();
        String table =
                Run.command("nft", "list", "table", "inet", "meshcapture").orFail();
        lab.nft().apply("delete table inet meshcapture\n" + table.replace("priority -101", "priority 50"));
        assertRepaired("chain output", "- type nat hook output priority 50", before, lab);
    }

    @Test
    void set_that_was_declared_otherwise_is_named_and_repaired(Lab lab) {
        String before = lab.nft().list();
        String table =
                Run.command("nft", "list", "table", "inet", "meshcapture").orFail();
        lab.nft().apply("delete table inet meshcapture\n" + table.replace("type gid\n", "type gid\nflags interval\n"));
        assertRepaired("set envoy_groups", "- type gid; flags interval", before, lab);
    }

    @Test
    void table_that_was_put_to_sleep_is_named_and_woken(Lab lab) {
        String before = lab.nft().list();
        lab.nft().apply("add table inet meshcapture { flags dormant; }");
        assertRepaired("table inet meshcapture", "dormant", before, lab);
    }

    @Test
    void table_that_was_deleted_is_named_and_rebuilt(Lab lab) {
        String before = lab.nft().list();
        lab.nft().apply("flush ruleset");
        assertRepaired("table inet meshcapture", "+ table inet meshcapture", before, lab);
    }

    @Test
    void drift_of_another_service_is_no_drift_of_this_one(Lab lab) {
        lab.nft().apply("delete element inet meshcapture user_2_ip { 1002 . 10.0.0.0/8 . 0-65535 }");
        assertEquals(0, Program.check(PLAN, "orders").exit());
        assertEquals(3, Program.check(PLAN, "ledger").exit());
        String json = Program.must(3, Program.check(PLAN, "-o", "json")).out();
        assertTrue(json.contains("\"inSync\": false") && json.contains("\"service\": \"ledger\""), json);
    }

    @ParameterizedTest
    @CsvSource({"-150", "-102", "-199"})
    void foreign_chain_that_is_asked_first_is_named_as_a_shadow(int priority, Lab lab) {
        lab.nft()
                .apply(
                        "table ip theirs { chain c { type nat hook output priority %d; tcp dport 8080 redirect to :9; }; }"
                                .formatted(priority));
        Outcome check = Program.must(3, Program.check(PLAN));
        assertTrue(
                check.out()
                        .contains(
                                "in place but ineffective: table ip theirs chain c (priority %d): tcp dport 8080 redirect to :9"
                                        .formatted(priority)),
                check::out);
        assertEquals(new Refused(), ledger(lab));
        lab.nft().apply("delete table ip theirs");
        assertEquals(0, Program.check(PLAN).exit());
    }

    @Test
    void foreign_chain_that_keeps_tcp_from_conntrack_is_a_shadow(Lab lab) {
        lab.nft().apply("table inet theirs { chain c { type filter hook output priority -300; notrack; }; }");
        Outcome check = Program.must(3, Program.check(PLAN));
        assertTrue(check.out().contains("table inet theirs chain c (priority -300): notrack"), check::out);
        assertFalse(check.out().contains("meshcapture apply"), check::out);
    }

    @ParameterizedTest
    @CsvSource({
        "-100, nat hook output, tcp dport 8080 redirect to :9",
        "-150, nat hook output, tcp dport 8080 accept",
        "-150, filter hook output, counter accept",
        "-300, filter hook output, udp dport 53 notrack",
        "-150, nat hook output, tcp dport 8080 accept comment \"no redirect\"",
        "-150, nat hook prerouting, tcp dport 8080 redirect to :9"
    })
    void foreign_chain_that_takes_nothing_from_us_is_no_shadow(int priority, String hook, String rule, Lab lab) {
        lab.nft().apply("table ip theirs { chain c { type %s priority %d; %s; }; }".formatted(hook, priority, rule));
        assertEquals(0, Program.must(0, Program.check(PLAN)).exit());
        assertEquals(new Proxied(15002, "10.99.0.1:8080"), ledger(lab));
    }

    @Test
    void rollback_of_one_service_works_in_a_table_that_was_edited(Lab lab) {
        lab.server(8080);
        lab.nft().apply("insert rule inet meshcapture output tcp dport 9 accept");
        Program.rollback("ledger");
        assertEquals(new Direct("10.99.0.1:8080"), ledger(lab));
        assertEquals(
                new Proxied(15001, "10.99.0.1:8080"), lab.caller().uid(1001).connect("10.99.0.1:8080"));
        assertTrue(lab.nft().ours().contains("tcp dport 9 accept"));
        Program.rollback("--all");
        assertEquals("", lab.nft().list());
    }

    private static Outcome assertRepaired(String where, String difference, String before, Lab lab) {
        Outcome check = Program.must(3, Program.check(PLAN));
        assertTrue(check.out().contains(where) && check.out().contains(difference), check::out);
        Program.apply(PLAN);
        assertEquals(
                withoutWhatWasRebuilt(before), withoutWhatWasRebuilt(lab.nft().list()));
        Program.must(0, Program.check(PLAN));
        assertEquals(new Proxied(15002, "10.99.0.1:8080"), ledger(lab));
        return check;
    }

    /**
     * An element that was put back counts from zero, a record that was, dates from now, and where more was changed than one
     * transaction can do at once, all stands in the other slot, whose names end in _b.
     */
    private static List<String> withoutWhatWasRebuilt(String listing) {
        String plain = listing.replaceAll("_b\\b", "")
                .replaceAll("counter packets \\d+ bytes \\d+ comment \"ledger\"", "counter comment \"ledger\"")
                .replaceAll(" \\d{4}-\\d\\d-\\d\\dT\\S+Z", "");
        return Arrays.stream(plain.split("\n\n|\n\t}\n", -1))
                .map(String::strip)
                .sorted()
                .toList();
    }

    private static Verdict ledger(Lab lab) {
        return lab.caller().uid(1002).connect("10.99.0.1:8080");
    }

    private static String handle(String rule) {
        Matcher matcher = Pattern.compile(Pattern.quote(rule) + ".* # handle (\\d+)")
                .matcher(Run.command("nft", "-a", "list", "table", "inet", "meshcapture")
                        .orFail());
        assertTrue(matcher.find());
        return matcher.group(1);
    }
}
