package io.meshcapture.kernel;

import static io.meshcapture.kernel.Program.ANY;
import static io.meshcapture.kernel.Program.ENVOY;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.meshcapture.lab.Background;
import io.meshcapture.lab.Connection;
import io.meshcapture.lab.Echo;
import io.meshcapture.lab.InNetns;
import io.meshcapture.lab.Iptables;
import io.meshcapture.lab.Lab;
import io.meshcapture.lab.Meshcapture.Outcome;
import io.meshcapture.lab.Run;
import io.meshcapture.lab.Verdict.Direct;
import io.meshcapture.lab.Verdict.Proxied;
import java.time.Duration;
import java.util.List;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What is particular to iptables: rules of others in the same tables, two flavours, two families, a lock. */
@InNetns
class IptablesKernelIT {
    private static final String V4 = "10.99.0.1:8080";
    private static final String V6 = "[fd99::1]:8080";

    /** Before, between and after ours, twice the same, and some that look like ours. */
    private static final String FOREIGN = """
            *filter
            :MESHCAPTURE_X - [0:0]
            -A MESHCAPTURE_X -m comment --comment "orders, look-up 2" -j RETURN
            [5:300] -A OUTPUT -p tcp --dport 9999 -m comment --comment "meshcapture schema 1" -j ACCEPT
            -A OUTPUT -j MESHCAPTURE_X
            COMMIT
            *nat
            :MESHCAPTURE_X - [0:0]
            :MESHCAPTURED - [0:0]
            :DOCKER - [0:0]
            [7:420] -A MESHCAPTURE_X -p tcp -m tcp --dport 9999 -j RETURN
            [7:420] -A MESHCAPTURE_X -p tcp -m tcp --dport 9999 -j RETURN
            -A MESHCAPTURED -m comment --comment "say \\"service orders\\" \\\\ and go" -j RETURN
            -A OUTPUT -p tcp --dport 9998 -m comment --comment "-A MESHCAPTURE -j RETURN" -j RETURN
            -A OUTPUT -p udp -j MESHCAPTURE_X
            -A OUTPUT -m addrtype --dst-type LOCAL -j DOCKER
            COMMIT
            """;

    @BeforeEach
    void world(Lab lab) {
        lab.proxy(15001);
        lab.proxy(15002);
        lab.server(8080);
    }

    private static String plan(Iptables flavour) {
        return ENVOY + "backend: " + backend(flavour)
                + "\nservices: {orders: {from: {user: 1001}, except: [\":5432\"]}}\n";
    }

    private static String backend(Iptables flavour) {
        return "iptables-" + flavour.name().toLowerCase(java.util.Locale.ROOT);
    }

    @ParameterizedTest
    @EnumSource
    void rules_chains_policies_and_counters_of_others_stay_as_they_are(Iptables flavour, Lab lab) {
        flavour.restore4(FOREIGN);
        flavour.restore6(FOREIGN.replace("RETURN", "ACCEPT"));
        String before4 = flavour.save4();
        String before6 = flavour.save6();
        Program.apply(plan(flavour));
        assertEquals(new Proxied(15001, V4), lab.caller().uid(1001).connect(V4));
        assertEquals(new Proxied(15001, V6), lab.caller().uid(1001).connect(V6));
        Program.must(0, Program.check(plan(flavour)));
        Program.apply(plan(flavour).replace(":5432", ":22"));
        Program.rollback("--all");
        assertEquals(normalized(before4), normalized(flavour.save4()));
        assertEquals(normalized(before6), normalized(flavour.save6()));
    }

    /** Connections of the test go through rules of others and are counted by those that ask for all of them. */
    private static String normalized(String saved) {
        return saved.lines()
                .filter(line -> !line.startsWith(":OUTPUT") && !line.startsWith(":INPUT") && !line.startsWith(":P"))
                .map(line -> line.replaceFirst(
                        "^\\[\\d+:\\d+] (-A OUTPUT (-j MESHCAPTURE_X|-m addrtype)|-A MESHCAPTURE_X -m comment)", "$1"))
                .collect(Collectors.joining("\n"));
    }

    @ParameterizedTest
    @EnumSource
    void comment_of_somebody_that_reads_like_a_rule_of_ours_over_two_lines_is_none(Iptables flavour, Lab lab) {
        String comment = "x\n[0:0] -A MESHCAPTURE_OUTPUT -m comment --comment \"orders, look-up 2\" -j RETURN";
        Run.command(
                        backend(flavour),
                        "-t",
                        "nat",
                        "-A",
                        "OUTPUT",
                        "-p",
                        "tcp",
                        "--dport",
                        "1",
                        "-m",
                        "comment",
                        "--comment",
                        comment)
                .orFail();
        Program.apply(plan(flavour));
        Program.must(0, Program.check(plan(flavour)));
        assertEquals(new Proxied(15001, V4), lab.caller().uid(1001).connect(V4));
        Program.rollback("--all");
        assertTrue(flavour.save4().contains("MESHCAPTURE_OUTPUT -m comment"), flavour.save4());
    }

    @ParameterizedTest
    @EnumSource
    void every_kind_of_drift_is_found_and_repaired(Iptables flavour, Lab lab) {
        Program.apply(plan(flavour));
        for (String edit : List.of(
                "-D OUTPUT -j MESHCAPTURE_OUTPUT",
                "-F MESHCAPTURE_OUTPUT",
                "-A OUTPUT -j MESHCAPTURE_OUTPUT",
                "-I MESHCAPTURE_OUTPUT -p tcp --dport 8080 -j RETURN",
                "-D MESHCAPTURE_TO_15001 1",
                "-R MESHCAPTURE_OUTPUT 1 -p udp -j RETURN",
                "-D MESHCAPTURE_NOTES 1",
                "-D MESHCAPTURE 2")) {
            for (String ip : List.of("", "6")) {
                if (ip.isEmpty() || !edit.contains("NOTES")) {
                    String tool = "ip" + ip + backend(flavour).substring(2);
                    Run.command(List.of((tool + " -t nat " + edit).split(" ", -1))
                                    .toArray(String[]::new))
                            .orFail();
                    Outcome check = Program.check(plan(flavour));
                    assertEquals(3, check.exit(), tool + " " + edit);
                    assertTrue(check.out().contains(ip.isEmpty() ? "IPv4 table nat" : "IPv6 table nat"), check::out);
                    Program.apply(plan(flavour));
                    Program.must(0, Program.check(plan(flavour)));
                }
            }
        }
        assertEquals(new Proxied(15001, V4), lab.caller().uid(1001).connect(V4));
        assertEquals(new Proxied(15001, V6), lab.caller().uid(1001).connect(V6));
    }

    /** By iptables -t nat -F, which empties our chains and leaves them there. */
    @ParameterizedTest
    @EnumSource
    void whole_table_that_somebody_flushed_is_repaired_by_apply_and_cleared_by_rollback(Iptables flavour, Lab lab) {
        for (String then : List.of("apply", "rollback")) {
            Program.apply(plan(flavour));
            for (String ip : List.of("", "6")) {
                Run.command("ip" + ip + backend(flavour).substring(2), "-t", "nat", "-F")
                        .orFail();
            }
            assertEquals(new Direct(V4), lab.caller().uid(1001).connect(V4));
            assertEquals(3, Program.check(plan(flavour)).exit());
            if (then.equals("apply")) {
                Program.apply(plan(flavour));
                Program.must(0, Program.check(plan(flavour)));
                assertEquals(new Proxied(15001, V4), lab.caller().uid(1001).connect(V4));
                assertEquals(new Proxied(15001, V6), lab.caller().uid(1001).connect(V6));
            } else {
                Program.rollback("--all");
                assertFalse((flavour.save4() + flavour.save6()).contains("MESHCAPTURE"), flavour.save4());
            }
        }
    }

    @ParameterizedTest
    @EnumSource
    void rule_of_others_before_ours_is_told_and_apply_goes_before_it(Iptables flavour, Lab lab) {
        Program.apply(plan(flavour));
        Run.command(backend(flavour), "-t", "nat", "-I", "OUTPUT", "-p", "udp", "-j", "ACCEPT")
                .orFail();
        Program.must(0, Program.check(plan(flavour)));
        Run.command(backend(flavour), "-t", "nat", "-I", "OUTPUT", "-p", "tcp", "--dport", "8080", "-j", "ACCEPT")
                .orFail();
        assertEquals(new Direct(V4), lab.caller().uid(1001).connect(V4));
        Outcome check = Program.check(plan(flavour));
        assertEquals(3, check.exit());
        assertTrue(
                check.out()
                        .contains("in place but ineffective: IPv4 table nat chain OUTPUT (" + backend(flavour)
                                + ") rule 1: -p tcp -m tcp --dport 8080 -j ACCEPT"),
                check::out);
    }

    @ParameterizedTest
    @EnumSource
    void nat_chain_of_nftables_that_is_asked_earlier_is_told(Iptables flavour, Lab lab) {
        Program.apply(plan(flavour));
        lab.nft().apply("""
                table ip theirs {
                  chain early { type nat hook output priority -105
                    tcp dport 8080 redirect to :9
                  }
                }
                """);
        Outcome check = Program.check(plan(flavour));
        assertEquals(3, check.exit());
        assertTrue(check.out().contains("in place but ineffective: table ip theirs chain early"), check::out);
    }

    @Test
    void rules_of_the_other_flavour_at_the_same_priority_are_told(Lab lab) {
        Program.apply(plan(Iptables.NFT));
        Iptables.LEGACY.restore4("*nat\n-A OUTPUT -p tcp --dport 8080 -j REDIRECT --to-ports 9\nCOMMIT\n");
        Outcome check = Program.check(plan(Iptables.NFT));
        assertEquals(3, check.exit());
        assertTrue(check.out().contains("ineffective: IPv4 table nat chain OUTPUT (iptables-legacy"), check::out);
    }

    @Test
    void capture_moves_between_backends_and_its_connections_live_on(Lab lab) {
        String plan = ENVOY + "backend: %s\nservices: {orders: {from: {user: 1001}}}\n";
        Program.apply(plan.formatted("nftables"));
        Connection captured = lab.caller().uid(1001).open(V4);
        String before = "nftables";
        for (String backend :
                List.of("iptables-nft", "iptables-legacy", "nftables", "iptables-legacy", "iptables-nft")) {
            assertEquals(3, Program.check(plan.formatted(backend)).exit());
            Outcome apply = Program.apply(plan.formatted(backend));
            assertTrue(apply.err().contains("capture has moved from " + before + " to " + backend), apply::err);
            Program.must(0, Program.check(plan.formatted(backend)));
            assertTrue(Program.run("status").out().contains(" " + backend + " "));
            assertEquals(new Proxied(15001, V4), lab.caller().uid(1001).connect(V4));
            assertEquals(new Proxied(15001, V6), lab.caller().uid(1001).connect(V6));
            assertEquals(Echo.ANSWERED, captured.echo("moved"));
            before = backend;
        }
        captured.close();
        Program.rollback("--all");
        assertFalse(lab.nft().list().contains("meshcapture"));
        assertFalse((Iptables.LEGACY.save4() + Iptables.NFT.save4() + Iptables.NFT.save6()).contains("MESHCAPTURE"));
    }

    @Test
    void iptables_takes_the_flavour_that_rules_of_others_are_in(Lab lab) {
        String plan = ENVOY + "backend: iptables\nservices: {orders: {from: {user: 1001}}}\n";
        Outcome apply = Program.apply(plan, "-v");
        assertTrue(apply.err().contains("the backend is iptables-nft, because"), apply::err);
        Program.rollback("--all");
        lab.nft().apply("delete table ip nat; delete table ip filter; delete table ip6 nat; delete table ip6 filter");
        Iptables.LEGACY.restore4("*nat\n-A OUTPUT -p tcp --dport 1 -j RETURN\nCOMMIT\n");
        apply = Program.apply(plan, "-v");
        assertTrue(
                apply.err().contains("the backend is iptables-legacy, because the rules of others are in its tables"),
                apply::err);
    }

    @ParameterizedTest
    @EnumSource
    void refusal_of_the_second_family_undoes_the_first(Iptables flavour, Lab lab) {
        Program.apply(plan(flavour));
        // nobody can remove a chain that somebody jumps to
        flavour.restore4("*nat\n:THEIRS - [0:0]\n-A THEIRS -j MESHCAPTURE_OUTPUT\nCOMMIT\n");
        Outcome rollback = Program.run("rollback", "--all", "--drain", "0");
        assertNotEquals(0, rollback.exit());
        assertEquals(new Proxied(15001, V4), lab.caller().uid(1001).connect(V4));
        assertEquals(new Proxied(15001, V6), lab.caller().uid(1001).connect(V6));
        Program.must(0, Program.check(plan(flavour)));
        Run.command(backend(flavour), "-t", "nat", "-F", "THEIRS").orFail();
        Program.rollback("--all");
    }

    @Test
    void lock_that_somebody_holds_is_waited_for_and_its_holder_named(Lab lab) {
        Background holder = lab.background("flock", "/run/xtables.lock", "sleep", "30");
        io.meshcapture.lab.Await.until(
                Duration.ofSeconds(5),
                "the lock to be held",
                () -> Run.command("flock", "-n", "/run/xtables.lock", "true").exit() != 0);
        Outcome apply = Program.withPlan(plan(Iptables.LEGACY), "apply");
        assertEquals(5, apply.exit(), apply::err);
        assertTrue(apply.err().contains("the lock of iptables is held by process"), apply::err);
        assertFalse(Iptables.LEGACY.save4().contains("MESHCAPTURE"));
        holder.kill();
    }

    @Test
    void what_iptables_cannot_do_is_refused_before_anything_is_touched(Lab lab) {
        lab.cgroup("shop.slice/ledger.service");
        String legacy = ENVOY + "backend: iptables-legacy\n";
        for (String plan : List.of(
                legacy + "invalid: drop\nservices: {any: {}}\n",
                legacy.replace("legacy", "nft") + "invalid: drop\nservices: {any: {}}\n",
                legacy + "services: {ledger: {from: {cgroup: shop.slice/ledger.service}}}\n")) {
            Outcome apply = Program.withPlan(plan, "apply");
            assertEquals(4, apply.exit(), apply::err);
            String what = plan.contains("invalid")
                    ? "cannot do what \"invalid: drop\" asks"
                    : "cannot tell callers by unit or cgroup without harm";
            assertTrue(apply.err().contains(what), apply::err);
            assertTrue(apply.err().contains("choose the backend"), apply::err);
        }
        assertFalse(Iptables.LEGACY.save4().contains("MESHCAPTURE"));
        assertFalse(Iptables.NFT.save4().contains("MESHCAPTURE"));
    }

    /** The reason for refusing them: nobody could change the table any more. */
    @Test
    void rule_of_legacy_about_a_group_that_is_gone_keeps_everybody_from_changing_the_table(Lab lab) {
        try (var group = lab.cgroup("shop.slice/gone.service")) {
            Iptables.LEGACY.restore4(
                    "*nat\n:THEIRS - [0:0]\n-A THEIRS -m cgroup --path " + group.name() + " -j RETURN\nCOMMIT\n");
        }
        assertNotEquals(
                0,
                Run.command("iptables-legacy", "-t", "nat", "-A", "OUTPUT", "-j", "ACCEPT")
                        .exit());
    }

    @ParameterizedTest
    @EnumSource
    void chain_of_somebody_that_is_called_like_ours_is_a_conflict(Iptables flavour, Lab lab) {
        flavour.restore4("*nat\n:MESHCAPTURE_OUTPUT - [0:0]\n-A MESHCAPTURE_OUTPUT -j RETURN\nCOMMIT\n");
        String before = flavour.save4();
        Outcome apply = Program.withPlan(plan(flavour), "apply");
        assertEquals(7, apply.exit(), apply::err);
        assertTrue(apply.err().contains("meshcapture did not make it"), apply::err);
        assertEquals(before, flavour.save4());
    }

    @ParameterizedTest
    @ValueSource(strings = {"0x40000001", "0x1"})
    void mark_of_others_is_what_it_was_after_a_large_look_up(String mark, Lab lab) {
        String excepted =
                IntStream.range(0, 200).mapToObj(i -> "10.200." + i + ".0/24").collect(Collectors.joining(", "));
        lab.serverOnEveryPort();
        Iptables.NFT.restore4("*mangle\n-A OUTPUT -j MARK --set-mark " + mark
                + "\nCOMMIT\n*filter\n-A OUTPUT -p tcp --syn -m mark --mark " + mark + "\nCOMMIT\n");
        Program.apply(ENVOY + "backend: iptables-nft\nexcept: [" + excepted + "]\nservices: {any: {}}\n");
        for (int i = 0; i < 3; i++) {
            String direct = "10.200." + 99 * i + ".1:80";
            assertEquals(new Direct(direct), lab.caller().connect(direct));
        }
        assertEquals(new Proxied(15001, "10.200.200.1:80"), lab.caller().connect("10.200.200.1:80"));
        assertTrue(
                Iptables.NFT
                        .save4()
                        .lines()
                        .anyMatch(line -> line.startsWith("[4:") && line.contains("--mark " + mark)),
                Iptables.NFT::save4);
    }

    @ParameterizedTest
    @EnumSource
    void plan_of_nothing_but_ipv4_needs_no_ip6tables(Iptables flavour, Lab lab) {
        Program.apply(plan(flavour).replace("services", "ipv6: bypass\nservices"));
        assertEquals(new Direct(V6), lab.caller().uid(1001).connect(V6));
        assertFalse(flavour.save6().contains("MESHCAPTURE"));
    }

    @Test
    void automatic_choice_is_nftables(Lab lab) {
        Outcome apply = Program.apply(ANY, "-v");
        assertTrue(
                apply.err().contains("the backend is nftables, because the kernel and libnftables have it"),
                apply::err);
    }
}
