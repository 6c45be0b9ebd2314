package io.meshcapture.kernel;

import static io.meshcapture.kernel.Program.ENVOY;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.meshcapture.lab.InNetns;
import io.meshcapture.lab.Iptables;
import io.meshcapture.lab.Lab;
import io.meshcapture.lab.Meshcapture.Outcome;
import io.meshcapture.lab.Run;
import io.meshcapture.lab.Verdict.Direct;
import io.meshcapture.lab.Verdict.Proxied;
import java.util.List;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Rules of others in the same tables, in those of the other flavour, and in hooks of nftables. */
@InNetns
class IptablesBesideOthersKernelIT {
    private static final String V4 = "10.99.0.1:8080";
    private static final String V6 = "[fd99::1]:8080";

    /** Before, between and after ours, twice the same, and some that look like ours. */
    private static final String FOREIGN = """
            *filter
            :FORWARD DROP [3:180]
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

    /** As iptables takes it from an argument, and iptables-restore from nowhere. */
    private static final String TWO_LINES =
            "x\n[0:0] -A MESHCAPTURE_OUTPUT -m comment --comment \"orders, look-up 2\" -j RETURN";

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
        for (String tool : List.of(backend(flavour), backend(flavour).replace("iptables", "ip6tables"))) {
            Run.command(tool, "-t", "nat", "-A", "OUTPUT", "-p", "dccp", "-m", "comment", "--comment", TWO_LINES)
                    .orFail();
        }
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

    @ParameterizedTest
    @EnumSource
    void comment_of_somebody_that_reads_like_a_rule_of_ours_over_two_lines_is_none(Iptables flavour, Lab lab) {
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
                        TWO_LINES)
                .orFail();
        Program.apply(plan(flavour));
        Program.must(0, Program.check(plan(flavour)));
        assertEquals(new Proxied(15001, V4), lab.caller().uid(1001).connect(V4));
        Program.rollback("--all");
        assertTrue(flavour.save4().contains("MESHCAPTURE_OUTPUT -m comment"), flavour.save4());
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
        assertTrue(check.out().endsWith("go before them with: meshcapture apply\n"), check::out);
        assertEquals(
                "repaired: 1 difference; 1 service captured\n",
                Program.apply(plan(flavour)).out());
        assertEquals(new Proxied(15001, V4), lab.caller().uid(1001).connect(V4));
        Program.must(0, Program.check(plan(flavour)));
        assertEquals(
                "in sync: 1 service captured, nothing to change\n",
                Program.apply(plan(flavour)).out());
        assertTrue(flavour.save4().contains("-A OUTPUT -p tcp -m tcp --dport 8080 -j ACCEPT"));
    }

    @ParameterizedTest
    @EnumSource
    void rule_of_others_about_udp_before_ours_matters_where_dns_is_captured(Iptables flavour, Lab lab) {
        lab.udpProxy(15053);
        lab.proxy(15053);
        lab.udpServerAt("10.99.0.1:53");
        String plan = "version: 1\nenvoy: {user: 1337, dns: 15053}\nbackend: " + backend(flavour)
                + "\ndns: {servers: any}\nservices: {}\n";
        Program.apply(plan);
        // not asked about DNS
        Run.command(backend(flavour), "-I", "OUTPUT", "-p", "udp", "--dport", "53", "-j", "ACCEPT")
                .orFail();
        Program.must(0, Program.check(plan));
        assertTrue(Program.apply(plan).out().startsWith("in sync"));
        Run.command(backend(flavour), "-t", "nat", "-I", "OUTPUT", "-p", "udp", "--dport", "53", "-j", "ACCEPT")
                .orFail();
        assertEquals(new Direct("10.99.0.1:53"), lab.caller().uid(1001).udp("10.99.0.1:53"));
        Outcome check = Program.must(3, Program.check(plan));
        assertTrue(check.out().contains("in place but ineffective: IPv4 table nat chain OUTPUT"), check::out);
        Program.apply(plan);
        assertEquals(new Proxied(15053), lab.caller().uid(1001).udp("10.99.0.1:53"));
        Program.must(0, Program.check(plan));
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

    /** Connections of the test pass the chains of the kernel, and rules of others that ask for all of them count them. */
    private static String normalized(String saved) {
        return saved.lines()
                .map(line -> line.replaceFirst("^(:(OUTPUT|INPUT|PREROUTING|POSTROUTING) \\S+) \\[\\d+:\\d+]", "$1"))
                .map(line -> line.replaceFirst(
                        "^\\[\\d+:\\d+] (-A OUTPUT (-j MESHCAPTURE_X|-m addrtype)|-A MESHCAPTURE_X -m comment)", "$1"))
                .collect(Collectors.joining("\n"));
    }
}
