package io.meshcapture.kernel;

import static io.meshcapture.kernel.Program.ANY;
import static io.meshcapture.kernel.Program.ENVOY;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.meshcapture.cli.Main;
import io.meshcapture.lab.Background;
import io.meshcapture.lab.InNetns;
import io.meshcapture.lab.Lab;
import io.meshcapture.lab.Meshcapture.Outcome;
import io.meshcapture.lab.Run;
import io.meshcapture.lab.Verdict.Proxied;
import io.meshcapture.system.NamespaceLock;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.io.Writer;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Map;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

/** Every exit code that scripts rely on, and that what failed touched nothing. Without a privilege (4): {@link PrivilegesKernelIT}. */
@InNetns
class ExitCodesKernelIT {
    @Test
    void done_is_0(Lab lab) {
        lab.proxy(15001);
        assertEquals(0, Program.withPlan(ANY, "apply").exit());
        assertEquals(0, Program.check(ANY).exit());
        assertEquals(0, Program.run("status").exit());
        assertEquals(0, Program.run("rollback", "--all").exit());
        assertEquals(0, Program.run("version").exit());
    }

    @Test
    void result_that_nobody_takes_is_1_but_what_was_done_is_done(Lab lab) {
        lab.proxy(15001);
        var err = new StringWriter();
        assertEquals(0, withClosedOutput(err, "apply", "-f", "-"));
        assertEquals(new Proxied(15001, "10.99.0.1:80"), lab.caller().connect("10.99.0.1:80"));
        assertEquals(1, withClosedOutput(err, "status"));
        assertTrue(err.toString().contains("standard output was closed"), err::toString);
    }

    private static int withClosedOutput(Writer err, String... args) {
        var plan = new ByteArrayInputStream(ANY.getBytes(StandardCharsets.UTF_8));
        return Main.run(new PrintWriter(new Closed()), new PrintWriter(err), plan, Map.of(), args);
    }

    @Test
    void wrong_usage_and_wrong_plans_are_2(Lab lab) {
        for (Outcome outcome : new Outcome[] {
            Program.run("aply"),
            Program.run("apply", "--no-such-flag"),
            Program.run("rollback"),
            Program.run("rollback", "--all", "a"),
            Program.run("apply", "-f", "/nowhere"),
            Program.run("check", "--netns", "nowhere", "--envoy-user", "1337"),
            Program.withPlan(ANY, "apply", "other"),
            Program.withPlan(ANY + "sevices: {}\n", "apply"),
            Program.withPlan(ENVOY + "services: {a: {from: {user: nobody-of-that-name}}}\n", "apply"),
            Program.withPlan("", "apply")
        }) {
            Program.must(2, outcome);
            assertEquals("", outcome.out());
            assertTrue(outcome.err().startsWith("meshcapture: "), outcome::err);
        }
        assertEquals("", lab.nft().list());
    }

    @Test
    void all_problems_of_a_plan_come_in_one_answer(Lab lab) {
        Outcome outcome = Program.withPlan("""
                version: 1
                envoy: {user: 1337, outbound: 0}
                services:
                  a: {to: [10.0.0.0/40]}
                  b: {from: {user: nobody-here}, outbound: 70000}
                  c: {to: [":99999"], sorry: 1}
                """, "apply");
        Program.must(2, outcome);
        for (String line : new String[] {":2:", ":4:", ":5:", ":6:"}) {
            assertTrue(outcome.err().contains("standard input" + line), outcome::err);
        }
        assertEquals("", lab.nft().list());
    }

    @Test
    void drift_and_no_capture_are_3(Lab lab) {
        lab.proxy(15001);
        Outcome nothing = Program.must(3, Program.check(ANY));
        assertTrue(nothing.out().contains("+ table inet meshcapture"), nothing::out);
        assertTrue(
                nothing.out()
                        .endsWith("not captured: nothing of the plan stands here; capture with: meshcapture apply\n"),
                nothing::out);
        Program.apply(ANY);
        assertEquals(3, Program.check(ENVOY + "services: {other: {}}\n").exit());
    }

    @Test
    void loopback_that_is_down_is_said_by_apply_and_is_3(Lab lab) {
        lab.proxy(15001);
        Run.command("ip", "addr", "flush", "dev", "lo").orFail();
        String said = "nobody has 127.0.0.1 in this network namespace, so captured connections fail";
        assertTrue(Program.must(0, Program.withPlan(ANY, "apply")).err().contains(said));
        assertTrue(Program.must(3, Program.check(ANY)).out().contains("broken: " + said));
        Run.command("ip", "addr", "add", "127.0.0.1/8", "dev", "lo").orFail();
        Program.must(0, Program.check(ANY));
    }

    @Test
    void what_is_not_built_yet_is_4(Lab lab) {
        Outcome outcome = Program.must(4, Program.withPlan(ANY + "on-envoy-down: open\n", "apply"));
        assertTrue(outcome.err().contains("failing open"), outcome::err);
        assertEquals("", lab.nft().list());
    }

    @Test
    void lock_held_by_another_is_5_and_its_holder_is_named(Lab lab) throws Exception {
        String holder = "process " + ProcessHandle.current().pid() + " (";
        try (NamespaceLock _ = NamespaceLock.take(Duration.ZERO)) {
            for (Outcome outcome : new Outcome[] {
                Program.withPlan(ANY, "apply", "--lock-timeout", "200ms"),
                Program.run("rollback", "--all", "--lock-timeout", "0s")
            }) {
                Program.must(5, outcome);
                assertTrue(
                        outcome.err().contains("another run of meshcapture is at work in this network namespace"),
                        outcome::err);
                assertTrue(outcome.err().contains(holder), outcome::err);
                assertTrue(outcome.err().contains(") holds the lock, and"), outcome::err);
            }
            // who only reads does not wait, and another namespace has a lock of its own
            assertEquals(3, Program.check(ANY).exit());
            Program.apply(ANY, "--dry-run");
            Program.apply(ANY, "--lock-timeout", "0s", "--netns", lab.srvNetns());
        }
        assertEquals("", lab.nft().list());
        Program.apply(ANY, "--lock-timeout", "0s");
    }

    @Test
    void process_without_the_right_to_change_netfilter_locks_nobody_out(Lab lab) {
        Background holder = lab.background(
                "setpriv",
                "--reuid=1000",
                "--regid=1000",
                "--clear-groups",
                "flock",
                "/proc/self/ns/net",
                "sh",
                "-c",
                "echo held; sleep 60; :");
        holder.awaitOutput("held", Duration.ofSeconds(10));
        Program.apply(ANY, "--lock-timeout", "0s");
        Program.rollback("--all", "--lock-timeout", "0s");
    }

    /** The kernel hooks at most 1024 functions to one place (MAX_HOOK_COUNT in net/netfilter/core.c). */
    @Test
    void refusal_of_the_kernel_is_6_and_nothing_is_changed(Lab lab) {
        lab.nft()
                .apply("table ip crowd {\n"
                        + IntStream.range(0, 1024)
                                .mapToObj(i -> "chain c" + i + " { type filter hook output priority 0; }\n")
                                .collect(Collectors.joining())
                        + "}\n");
        String before = lab.nft().list();
        Outcome outcome = Program.must(6, Program.withPlan(ANY, "apply"));
        assertTrue(outcome.err().contains("the kernel refused the transaction, and nothing was changed"), outcome::err);
        assertEquals(before, lab.nft().list());
    }

    @Test
    void container_on_the_nodes_network_is_7_and_captures_nothing(Lab lab) {
        lab.proxy(15001);
        // what tells the first network namespace is a sysctl that no other has; here it seems to be there
        Run.command("mount", "-t", "tmpfs", "none", "/proc/sys/net/core").orFail();
        Run.command("touch", "/proc/sys/net/core/netdev_budget").orFail();
        var inAPod = Program.with("KUBERNETES_SERVICE_HOST", "10.96.0.1").reading(ANY);
        for (Outcome outcome : new Outcome[] {inAPod.run("apply", "-f", "-"), inAPod.run("rollback", "--all")}) {
            Program.must(7, outcome);
            assertTrue(outcome.err().contains("this container shares the node's network namespace"), outcome::err);
        }
        assertEquals("", lab.nft().list());
        assertEquals(3, inAPod.run("check", "-f", "-").exit());
        assertEquals(
                0,
                inAPod.run("apply", "-f", "-", "--netns", lab.srvNetns(), "--allow-host-network")
                        .exit());
        assertEquals("", lab.nft().list());
        assertEquals(0, inAPod.run("apply", "-f", "-", "--allow-host-network").exit());
        assertEquals(new Proxied(15001, "10.99.0.1:80"), lab.caller().connect("10.99.0.1:80"));
    }

    @Test
    void envoy_that_does_not_come_in_time_is_8_and_nothing_is_applied(Lab lab) {
        Outcome outcome = Program.must(8, Program.withPlan(ANY, "apply", "--wait-envoy", "100ms"));
        assertTrue(outcome.err().contains("nothing was applied"), outcome::err);
        assertEquals("", lab.nft().list());
    }

    @Test
    void envoy_that_comes_in_time_is_waited_for(Lab lab) {
        Thread.ofPlatform().start(() -> lab.proxy(15001));
        assertEquals(0, Program.withPlan(ANY, "apply", "--wait-envoy", "30s").exit());
        assertEquals(new Proxied(15001, "10.99.0.1:80"), lab.caller().connect("10.99.0.1:80"));
    }

    @Test
    void who_waits_for_envoy_does_not_hold_the_lock(Lab lab) throws Exception {
        try (NamespaceLock _ = NamespaceLock.take(Duration.ZERO)) {
            Program.must(8, Program.withPlan(ANY, "apply", "--wait-envoy", "100ms", "--lock-timeout", "0s"));
        }
        assertEquals("", lab.nft().list());
    }

    @Test
    void only_what_the_named_services_need_is_waited_for(Lab lab) {
        lab.proxy(15001);
        String plan = ENVOY + "services: {a: {from: {user: 1000}}, b: {from: {user: 1001}, outbound: 15002}}\n";
        assertEquals(
                0, Program.withPlan(plan, "apply", "a", "--wait-envoy", "100ms").exit());
        assertEquals(8, Program.withPlan(plan, "apply", "--wait-envoy", "100ms").exit());
    }

    private static final class Closed extends Writer {
        @Override
        public void write(char[] text, int from, int length) throws IOException {
            throw new IOException("Broken pipe");
        }

        @Override
        public void flush() {}

        @Override
        public void close() {}
    }
}
