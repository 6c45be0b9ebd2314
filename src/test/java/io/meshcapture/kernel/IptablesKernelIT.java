package io.meshcapture.kernel;

import static io.meshcapture.kernel.Program.ENVOY;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.meshcapture.lab.Background;
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
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

/** What is particular to iptables: two flavours, two families, a lock, and what it cannot do. */
@InNetns
class IptablesKernelIT {
    private static final String V4 = "10.99.0.1:8080";
    private static final String V6 = "[fd99::1]:8080";

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

    /** By iptables -t nat -F, which empties our chains and leaves them there, and by -X, after which those of table filter are left. */
    @ParameterizedTest
    @CsvSource({"NFT, -F", "NFT, -X", "LEGACY, -F", "LEGACY, -X"})
    void whole_table_that_somebody_flushed_is_repaired_by_apply_and_cleared_by_rollback(
            Iptables flavour, String how, Lab lab) {
        for (String then : List.of("apply", "rollback")) {
            Program.apply(plan(flavour));
            for (String ip : List.of("", "6")) {
                String tool = "ip" + ip + backend(flavour).substring(2);
                Run.command(tool, "-t", "nat", "-F").orFail();
                if (how.equals("-X")) {
                    Run.command(tool, "-t", "nat", "-X").orFail();
                }
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

    /** Neither the rules, nor what they have counted, nor that of others. */
    @ParameterizedTest
    @EnumSource
    void second_apply_and_check_change_nothing_not_even_a_counter(Iptables flavour, Lab lab) {
        Program.apply(plan(flavour));
        for (String to : List.of(V4, V6, "10.99.0.1:5432")) {
            lab.caller().uid(1001).connect(to);
        }
        String before = counted(flavour);
        assertTrue(before.contains("[1:60] -A MESHCAPTURE"), before);
        assertEquals(
                "in sync: 1 service captured, nothing to change\n",
                Program.apply(plan(flavour)).out());
        Program.must(0, Program.check(plan(flavour)));
        Program.run("status");
        assertEquals(before, counted(flavour));
    }

    /** Only what is captured is counted, so that no packet of the host's own is in it. */
    private static String counted(Iptables flavour) {
        return (flavour.save4() + "\n" + flavour.save6())
                .lines()
                .filter(line -> line.contains("orders") || line.contains("REDIRECT") || !line.startsWith("["))
                .filter(line -> !line.matches(":[A-Z]+ .*"))
                .collect(Collectors.joining("\n"));
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
    void lock_that_is_let_go_of_in_time_is_waited_for_and_capture_stands(Lab lab) {
        Background holder = lab.background("flock", "/run/xtables.lock", "sh", "-c", "echo held; sleep 1");
        holder.awaitOutput("held", Duration.ofSeconds(5));
        Program.apply(plan(Iptables.LEGACY));
        assertEquals(new Proxied(15001, V4), lab.caller().uid(1001).connect(V4));
        assertEquals(new Proxied(15001, V6), lab.caller().uid(1001).connect(V6));
    }

    /** The newer flavour has no lock: the kernel keeps its transactions apart. */
    @Test
    void lock_of_legacy_does_not_hold_up_the_other_flavour(Lab lab) {
        Background holder = lab.background("flock", "/run/xtables.lock", "sh", "-c", "echo held; sleep 30");
        holder.awaitOutput("held", Duration.ofSeconds(5));
        Program.apply(plan(Iptables.NFT));
        assertEquals(new Proxied(15001, V4), lab.caller().uid(1001).connect(V4));
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
    void plan_of_nothing_but_ipv4_needs_no_ip6tables(Iptables flavour, Lab lab) {
        Program.apply(plan(flavour).replace("services", "ipv6: bypass\nservices"));
        assertEquals(new Direct(V6), lab.caller().uid(1001).connect(V6));
        assertFalse(flavour.save6().contains("MESHCAPTURE"));
    }
}
