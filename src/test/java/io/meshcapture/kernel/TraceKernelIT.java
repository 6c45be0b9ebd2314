package io.meshcapture.kernel;

import static io.meshcapture.kernel.Program.ENVOY;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.meshcapture.lab.Background;
import io.meshcapture.lab.Identity;
import io.meshcapture.lab.InNetns;
import io.meshcapture.lab.Lab;
import io.meshcapture.lab.Meshcapture.Outcome;
import io.meshcapture.lab.ResultsSchema;
import io.meshcapture.lab.Run;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** trace tells by the kernel's own trace what became of connections, and leaves nothing. */
@InNetns
class TraceKernelIT {
    private static final Duration LIMIT = Duration.ofSeconds(15);

    private static Background trace(Lab lab, String... args) {
        List<String> line = new java.util.ArrayList<>(List.of("trace"));
        line.addAll(List.of(args));
        Background trace = lab.meshcapture().start(line.toArray(String[]::new));
        trace.awaitError("tracing new connections", LIMIT);
        return trace;
    }

    @Test
    void connections_are_told_in_the_words_of_explain_with_who_opened_them(Lab lab) {
        lab.proxy(15001);
        lab.serverOnEveryPort();
        Program.apply(ENVOY + """
                except: [10.99.0.128/25]
                services:
                  orders: {from: {user: 1001}, except: [":22"]}
                """);
        Background trace = trace(lab, "10.99.0.1:80", "--connections", "3", "--within", "10s");
        lab.caller().uid(1001).connect("10.99.0.1:81"); // another port
        String out = toldOfThree(trace, lab);
        String[] told = out.split("\n\n", -1);
        String from = "(?s)tcp to 10.99.0.1:80 from 10.99.0.2:\\d+, uid ";
        assertTrue(told[0].matches(from + "1001\n  1  what is in force\n  2  services by user, look-up 2\n.*"), out);
        assertTrue(told[0].endsWith("  to Envoy\ncaptured: to Envoy's listener 15001, service orders"), out);
        assertTrue(told[1].matches(from + "1003\n  1  what is in force\ndirect: no service captures it"), out);
        assertTrue(told[2].matches(from + "1337\n.*Envoy's own traffic, by user, is never captured\ndirect"), out);
        assertFalse(lab.nft().list().contains("meshcapture-trace"));
        Background machine = trace(lab, "10.99.0.1:80", "--connections", "1", "--within", "10s", "-o", "json");
        lab.caller().uid(1001).open("10.99.0.1:80");
        String json = machine.await(LIMIT).out();
        ResultsSchema.require(List.of("trace", "json"), json);
        assertTrue(json.contains("\"outcome\": \"captured\",\n      \"listener\": 15001"), json);
    }

    /** What it says of a client that is captured, one that is not, and Envoy. */
    private static String toldOfThree(Background trace, Lab lab) {
        lab.caller().uid(1001).open("10.99.0.1:80");
        lab.caller().uid(1003).open("10.99.0.1:80");
        lab.caller().as(Identity.ENVOY).open("10.99.0.1:80");
        return trace.await(LIMIT).out();
    }

    @ParameterizedTest
    @ValueSource(strings = {"iptables-nft", "iptables-legacy"})
    void connections_through_tables_of_iptables_are_told_likewise_and_nothing_is_left(String backend, Lab lab) {
        lab.proxy(15001);
        lab.serverOnEveryPort();
        String logger = Run.command("cat", "/proc/sys/net/netfilter/nf_log/2").orFail();
        Program.apply(ENVOY + "backend: " + backend + """

                udp443: reject
                ipv6: reject
                services: {orders: {from: {user: 1001}, except: [":22"]}}
                """);
        Background trace = trace(lab, "10.99.0.1:80", "--connections", "3", "--within", "10s");
        String out = toldOfThree(trace, lab);
        String[] told = out.split("\n\n", -1);
        String from = "(?s)tcp to 10.99.0.1:80 from 10.99.0.2:\\d+, uid ";
        assertTrue(told[0].matches(from + "1001\n  1  .*orders, look-up 2\n.*"), out);
        assertTrue(told[0].endsWith("  to Envoy\ncaptured: to Envoy's listener 15001, service orders"), out);
        assertTrue(told[1].matches(from + "1003\n.*direct: no service captures it"), out);
        assertTrue(told[2].matches(from + "1337\n.*Envoy's own traffic, by user, is never captured\ndirect.*"), out);
        assertTraced("rejected", "[fd99::1]:83", lab);
        Run.command("iptables-" + backend.substring(9), "-A", "OUTPUT", "-p", "tcp", "--dport", "15001", "-j", "DROP")
                .orFail();
        assertTraced("dropped by table filter chain OUTPUT", "10.99.0.1:82", lab);
        assertFalse(lab.nft().list().contains("meshcapture-trace"));
        assertEquals(
                logger, Run.command("cat", "/proc/sys/net/netfilter/nf_log/2").orFail());
    }

    @Test
    void who_decided_before_or_drops_it_is_named_and_ipv6_that_is_rejected(Lab lab) {
        lab.proxy(15001);
        Program.apply(ENVOY + "ipv6: reject\nservices: {orders: {from: {user: 1001}}}\n");
        lab.nft().apply("""
                table ip theirs {
                  chain early { type nat hook output priority -150; tcp dport 81 redirect to :9; }
                  chain firewall { type filter hook output priority -200; tcp dport 82 drop; }
                }
                """);
        assertTraced("our rules were not asked: table theirs chain early decided before", "10.99.0.1:81", lab);
        assertTraced("dropped by table theirs chain firewall", "10.99.0.1:82", lab);
        assertTraced("rejected", "[fd99::1]:83", lab);
        String arrives = arriving(lab);
        assertTrue(arrives.contains("tcp to 10.99.0.2:84 from 10.99.0.1:"), arrives);
    }

    private static void assertTraced(String said, String destination, Lab lab) {
        Background trace = trace(lab, destination, "--connections=1", "--within=10s", "-v");
        lab.caller().uid(1001).within(Duration.ofMillis(300)).connect(destination);
        String out = trace.await(LIMIT).out();
        assertTrue(out.lines().anyMatch(said::equals), () -> said + " in " + out);
    }

    private static String arriving(Lab lab) {
        Background trace = trace(lab, "10.99.0.2:84", "--connections=1", "--within=10s", "--inbound");
        lab.inSrv(() -> lab.caller().within(Duration.ofMillis(300)).connect("10.99.0.2:84"));
        return trace.await(LIMIT).out();
    }

    /** The kernel tells every listener of all that is traced. */
    @Test
    void one_beside_which_somebody_else_traces_ends_in_time_and_tells_of_what_was_asked_only(Lab lab) {
        lab.proxy(15001);
        Program.apply(ENVOY + "services: {orders: {from: {user: 1001}}}\n");
        lab.nft().apply("""
                table inet theirs {
                  chain traced { type filter hook output priority -450; th dport { 9, 80 } meta nftrace set 1; }
                }
                """);
        String sends = "while :; do echo >/dev/udp/127.0.0.9/9; echo >/dev/udp/10.99.0.1/80; sleep 0.1; done";
        lab.background("timeout", "60", "bash", "-c", sends);
        Background trace = trace(lab, "10.99.0.1:80", "--within", "2s");
        lab.caller().uid(1001).open("10.99.0.1:80");
        String out = trace.await(LIMIT).out().strip();
        assertTrue(out.startsWith("tcp to 10.99.0.1:80 from 10.99.0.2:"), out);
        assertTrue(out.endsWith("captured: to Envoy's listener 15001, service orders"), out);
        assertEquals("tc".length(), out.lastIndexOf("p to "), out);
    }

    @Test
    void killed_one_leaves_nothing_and_one_without_connections_says_so(Lab lab) {
        lab.proxy(15001);
        Program.apply(ENVOY + "services: {orders: {from: {user: 1001}}}\n");
        String before = lab.nft().list();
        Background trace = trace(lab, "10.99.0.1:80", "--within", "60s");
        assertTrue(lab.nft().list().contains("meshcapture-trace"));
        trace.kill();
        io.meshcapture.lab.Await.until(LIMIT, "no table", () -> lab.nft().list().equals(before));
        Outcome nobody = Program.must(0, Program.run("trace", "10.99.0.1:80", "--within", "1s"));
        assertEquals("no connection was opened to it in that time\n", nobody.out());
        assertEquals(before, lab.nft().list());
    }

    /** What the kernel tells of legacy tables goes by a setting of the namespace, which does not go with the process. */
    @Test
    void one_that_is_ended_puts_back_what_it_changed_and_is_not_disturbed_by_another(Lab lab) {
        lab.proxy(15001);
        Program.apply(ENVOY + "backend: iptables-legacy\nservices: {orders: {from: {user: 1001}}}\n");
        String logger = lab.sysctl("net.netfilter.nf_log.2");
        Background trace = trace(lab, "10.99.0.1:80", "--within", "60s");
        Outcome another = Program.must(4, Program.run("trace", "10.99.0.1:80", "--within", "1s"));
        assertTrue(another.err().contains("another program has group 0 of nfnetlink_log, maybe another trace"));
        assertEquals("nfnetlink_log", lab.sysctl("net.netfilter.nf_log.2"));
        lab.caller().uid(1001).open("10.99.0.1:80");
        trace.awaitOutput("captured: to Envoy's listener 15001", LIMIT);
        trace.stop();
        assertEquals(0, trace.await(LIMIT).exit());
        assertEquals(logger, lab.sysctl("net.netfilter.nf_log.2"));
    }

    /** The kernel ties that setting to no process, so that after a kill somebody has to know what it was. */
    @Test
    void what_a_killed_one_has_left_of_iptables_legacy_is_told_and_put_back_by_the_next_command(Lab lab) {
        lab.proxy(15001);
        String plan = ENVOY + "backend: iptables-legacy\nservices: {orders: {from: {user: 1001}}}\n";
        Program.apply(plan);
        List<String> before = loggers(lab);
        String rules = lab.nft().list();
        for (List<String> next : List.of(
                List.of("apply", "-f", "-"),
                List.of("trace", "10.99.0.1:80", "--within", "1s"),
                List.of("rollback", "--all"))) {
            Background trace = trace(lab, "10.99.0.1:80", "--within", "60s");
            assertEquals(List.of("nfnetlink_log", "nfnetlink_log"), loggers(lab));
            String running = Program.must(0, Program.run("status")).err();
            assertFalse(running.contains("a trace was killed"), running);
            trace.kill();
            trace.await(LIMIT);
            assertTrue(Program.run("status")
                    .err()
                    .contains("a trace was killed, and what it set in net.netfilter.nf_log"));
            assertTrue(Program.run("doctor", "-o", "json").out().contains("\"rules.trace-left\""));
            Program.must(0, Program.reading(plan).run(next.toArray(String[]::new)));
            assertEquals(before, loggers(lab), next::toString);
            assertEquals(rules, lab.nft().list(), next::toString);
            assertFalse(Program.run("status").err().contains("a trace was killed"));
        }
    }

    /** A record that outlives what it is a record of says nothing, and is taken away. */
    @Test
    void what_somebody_else_has_put_back_is_not_told_and_what_cannot_be_put_back_is(Lab lab) {
        lab.proxy(15001);
        String plan = ENVOY + "backend: iptables-legacy\nservices: {orders: {from: {user: 1001}}}\n";
        Program.apply(plan);
        List<String> before = loggers(lab);
        String rules = lab.nft().list();
        Background killed = trace(lab, "10.99.0.1:80", "--within", "60s");
        killed.kill();
        killed.await(LIMIT);
        lab.sysctl("net.netfilter.nf_log.2", before.getFirst());
        lab.sysctl("net.netfilter.nf_log.10", before.getLast());
        assertFalse(Program.run("status").err().contains("a trace was killed"));
        assertFalse(Program.run("doctor", "-o", "json").out().contains("\"rules.trace-left\""));
        assertTrue(lab.nft().list().contains("meshcapture-logger"));
        Program.apply(plan);
        assertEquals(rules, lab.nft().list());
        lab.nft().apply("table inet meshcapture-logger {}"); // as of a kernel that keeps no comments
        Program.apply(plan);
        assertEquals(rules, lab.nft().list());

        Background readOnly = trace(lab, "10.99.0.1:80", "--within", "60s");
        Run.command("mount", "--bind", "/proc/sys", "/proc/sys").orFail();
        Run.command("mount", "-o", "remount,ro,bind", "/proc/sys").orFail();
        readOnly.stop();
        String said = readOnly.await(LIMIT).err();
        assertTrue(
                said.contains("net.netfilter.nf_log could not be put back, since /proc/sys is read-only here"), said);
        Program.must(0, Program.run("trace", "10.99.0.1:80", "--within", "1s"));
        assertTrue(Program.run("status").err().contains("puts it back"));
        Run.command("umount", "/proc/sys").orFail();
        Program.apply(plan);
        assertEquals(before, loggers(lab));
        assertEquals(rules, lab.nft().list());
    }

    private static List<String> loggers(Lab lab) {
        return List.of(lab.sysctl("net.netfilter.nf_log.2"), lab.sysctl("net.netfilter.nf_log.10"));
    }

    @Test
    void capture_that_is_not_there_is_not_traced() {
        Outcome nothing = Program.must(7, Program.run("trace", "10.99.0.1:80"));
        assertTrue(nothing.err().contains("nothing is captured here; "), nothing.err());
    }
}
