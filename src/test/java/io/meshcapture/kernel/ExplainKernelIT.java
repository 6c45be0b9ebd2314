package io.meshcapture.kernel;

import static io.meshcapture.kernel.Program.ENVOY;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.meshcapture.kernel.RandomPlans.Attempt;
import io.meshcapture.lab.Await;
import io.meshcapture.lab.Background;
import io.meshcapture.lab.Cgroup;
import io.meshcapture.lab.Identity;
import io.meshcapture.lab.InNetns;
import io.meshcapture.lab.Lab;
import io.meshcapture.lab.Meshcapture.Outcome;
import io.meshcapture.lab.Verdict;
import io.meshcapture.lab.Verdict.Direct;
import io.meshcapture.lab.Verdict.Proxied;
import io.meshcapture.lab.Verdict.Refused;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What explain says, from the plan and from the live state, is what the kernel does. */
@InNetns
class ExplainKernelIT {
    private static final int PLANS = 20;
    private static final int CONNECTIONS_PER_PLAN = 15;

    @ParameterizedTest(name = "seed {0}")
    @ValueSource(longs = 20261123)
    void explanation_is_what_the_kernel_does(long seed, Lab lab) {
        RandomPlans.LISTENERS.forEach(lab::proxy);
        lab.serverOnEveryPort();
        var random = new RandomPlans(seed);
        List<Verdict> seen = new ArrayList<>();
        int applied = 0;
        while (applied < PLANS) {
            String plan = random.plan();
            Outcome outcome = Program.withPlan(plan, "apply");
            if (outcome.exit() == 2
                    && outcome.err()
                            .matches("(?s).*(can never decide anything|is Envoy's own|would capture nothing).*")) {
                continue;
            }
            Program.must(0, outcome);
            applied++;
            assertEquals(0, Program.check(plan).exit(), plan);
            for (int i = 0; i < CONNECTIONS_PER_PLAN; i++) {
                seen.add(assertExplained(random.attempt(), plan, "seed " + seed + ", plan " + applied, lab));
            }
        }
        for (Class<?> kind : List.of(Proxied.class, Direct.class, Refused.class)) {
            long count = seen.stream().filter(kind::isInstance).count();
            assertTrue(count > seen.size() / 50, kind + " only " + count + " times of " + seen.size());
        }
    }

    @ParameterizedTest(name = "seed {0}")
    @ValueSource(longs = 20261124)
    void explanation_of_what_arrives_is_what_the_kernel_does(long seed, Lab lab) {
        lab.transparentProxyAt(Identity.ENVOY, "0.0.0.0:15006", "[::]:15006");
        lab.proxy(15001);
        for (int port : List.of(80, 81, 85, 90, 91, 443, 444, 5432)) {
            lab.localServer(port);
        }
        var random = new RandomPlans(seed);
        List<String> seen = new ArrayList<>();
        for (int i = 0; i < PLANS; i++) {
            String plan = random.inboundPlan();
            Program.apply(plan);
            assertEquals(0, Program.check(plan).exit(), plan);
            for (int k = 0; k < CONNECTIONS_PER_PLAN; k++) {
                String destination = random.arrival();
                Verdict kernel = lab.inSrv(() -> lab.caller().resettingOnClose().connect(destination));
                Verdict ofEnvoy =
                        lab.caller().as(Identity.ENVOY).resettingOnClose().connect(destination);
                for (String live : List.of("-v", "--live")) {
                    String what = destination + " " + live + " of " + plan;
                    assertEquals(outcome(kernel), said(plan, destination, live, "--inbound", "--interface=eth0"), what);
                    assertEquals(outcome(ofEnvoy), said(plan, destination, live, "--from-user=1337"), what);
                }
                seen.add(outcome(kernel));
            }
        }
        assertTrue(seen.containsAll(List.of("captured", "direct", "refused")), seen::toString);
    }

    private static String outcome(Verdict verdict) {
        return verdict instanceof Proxied ? "captured" : verdict instanceof Direct ? "direct" : "refused";
    }

    /** A port where nobody listens, such as that of Envoy's listener on loopback, is refused without any rule. */
    private static String said(String plan, String destination, String... more) {
        List<String> args = new ArrayList<>(List.of(destination, "-o", "json"));
        args.addAll(List.of(more));
        String answer = Program.must(0, Program.withPlan(plan, "explain", args.toArray(String[]::new)))
                .out();
        String outcome = value("outcome", answer);
        return outcome.equals("rejected") || (outcome.equals("direct") && destination.endsWith(":15001"))
                ? "refused"
                : outcome;
    }

    private static Verdict assertExplained(Attempt attempt, String plan, String which, Lab lab) {
        var caller = lab.caller().as(new Identity(attempt.uid(), attempt.gid())).resettingOnClose();
        Verdict kernel = caller.connect(attempt.destination());
        String what = which + ", " + attempt + "\n" + plan;
        assertEquals(kernel, verdict(attempt, explain(attempt, plan)), () -> "from the plan: " + what);
        assertEquals(
                kernel,
                verdict(attempt, explain(attempt, plan, "--live")),
                () -> "live: " + what + lab.nft().ours());
        return kernel;
    }

    private static String explain(Attempt attempt, String plan, String... more) {
        List<String> args = new ArrayList<>(List.of(
                attempt.destination(), "-o", "json", "--from-user=" + attempt.uid(), "--from-group=" + attempt.gid()));
        args.addAll(List.of(more));
        return Program.must(0, Program.withPlan(plan, "explain", args.toArray(String[]::new)))
                .out();
    }

    private static Verdict verdict(Attempt attempt, String explanation) {
        return switch (value("outcome", explanation)) {
            case "captured" -> new Proxied(Integer.parseInt(value("listener", explanation)), attempt.destination());
            case "rejected" -> new Refused();
            case "direct" -> new Direct(attempt.destination());
            default -> throw new AssertionError(explanation);
        };
    }

    private static String value(String key, String json) {
        Matcher matcher = Pattern.compile("\"" + key + "\": \"?(\\w+)\"?,?\n").matcher(json);
        assertTrue(matcher.find(), json);
        return matcher.group(1);
    }

    @Test
    void who_names_no_caller_is_told_that_it_is_root_who_is_captured_by_nobody() {
        String plan = ENVOY + "services:\n  orders: {from: {user: 1001}}\n";
        Outcome unnamed = Program.must(0, Program.withPlan(plan, "explain", "10.0.0.1:80"));
        assertTrue(unnamed.err().contains("asked for uid 0, since no caller was named"), unnamed::err);
        Outcome named = Program.must(0, Program.withPlan(plan, "explain", "10.0.0.1:80", "--from-user", "1002"));
        assertEquals("", named.err());
    }

    @Test
    void explanation_names_the_service_and_the_reason(Lab lab) {
        lab.proxy(15001);
        String plan = ENVOY + """
                except: ["192.0.2.0/24"]
                services:
                  orders: {from: {user: 1001}, except: ["10.0.0.0/8:5432"]}
                  ledger: {from: {group: 2002}, to: [10.0.0.0/8]}
                """;
        Program.apply(plan);
        for (String live : List.of("", "--live")) {
            assertSaid(plan, live, "captured: to Envoy's listener 15001, service orders", "10.0.0.1:80", 1001, 2002);
            assertSaid(plan, live, "direct, service orders", "10.0.0.1:5432", 1001, 2002);
            assertSaid(plan, live, "captured: to Envoy's listener 15001, service ledger", "10.0.0.1:5432", 1002, 2002);
            assertSaid(plan, live, "direct: no service captures it", "10.0.0.1:80", 1002, 2001);
            assertSaid(plan, live, "the plan excepts 192.0.2.0/24", "192.0.2.1:80", 1001, 2002);
            assertSaid(plan, live, "loopback and the host's own addresses stay direct", "10.99.0.2:80", 1001, 2002);
            assertSaid(plan, live, "Envoy's own traffic, by user, is never captured", "10.0.0.1:80", 1337, 2002);
        }
    }

    @Test
    void own_addresses_are_those_of_the_namespace_that_is_asked_about(Lab lab) {
        String plan = ENVOY + "services: {any: {}}\n";
        for (String own : List.of("10.99.0.2:80", "[fd99::2]:80", "0.0.0.0:80", "[::]:80")) {
            assertSaid(plan, "", "loopback and the host's own addresses stay direct", own, 1001, 2002);
        }
        for (String ofSrv : List.of("10.99.0.1:80", "[fd99::1]:80")) {
            assertSaid(plan, "--netns=" + lab.srvNetns(), "own addresses stay direct", ofSrv, 1001, 2002);
            assertSaid(plan, "", "captured: to Envoy", ofSrv, 1001, 2002);
        }
    }

    private static void assertSaid(String plan, String live, String said, String destination, int uid, int gid) {
        List<String> args = new ArrayList<>(List.of(destination, "--from-user=" + uid, "--from-group=" + gid));
        if (!live.isEmpty()) {
            args.add(live);
        }
        Outcome outcome = Program.must(0, Program.withPlan(plan, "explain", args.toArray(String[]::new)));
        assertTrue(outcome.out().contains(said), () -> said + " is not in: " + outcome.out());
    }

    @Test
    void stopped_unit_is_said_and_everybody_else_is_explained() {
        Outcome outcome = Program.withPlan(
                Program.ENVOY
                        + "services: {ledger: {from: {unit: not-running.service}}, orders: {from: {user: 1000}}}\n",
                "explain",
                "10.0.0.1:80",
                "--from-user",
                "1000");
        assertEquals(0, outcome.exit(), outcome.err());
        assertTrue(outcome.out().contains("captured: to Envoy's listener 15001, service orders"), outcome.out());
        assertTrue(
                outcome.err().contains("service ledger: unit not-running.service is not there, so nobody is captured"),
                outcome.err());
    }

    @Test
    void names_and_urls_are_looked_up_as_programs_do_and_several_are_read_from_standard_input(Lab lab)
            throws IOException {
        lab.file("/etc/hosts", "10.99.0.1 orders.example\nfd99::1 orders.example\n192.0.2.7 shop\n");
        lab.file("/etc/nsswitch.conf", "hosts: files\n");
        Path plan = Files.writeString(
                Files.createTempFile("meshcapture", ".yaml"), ENVOY + "services: {any: {to: [\":443\"]}}\n");
        Outcome url = Program.must(0, Program.run("explain", "-f", plan.toString(), "https://orders.example/v1?q=1"));
        assertTrue(url.out().contains("tcp to 10.99.0.1:443 from uid 0"), url.out());
        assertTrue(url.out().contains("\n\ntcp to [fd99::1]:443 from uid 0"), url.out());
        Outcome several = Program.must(
                0,
                Program.reading("# two\nshop:80\n\n10.0.0.1:443\n")
                        .run("explain", "-f", plan.toString(), "-o", "json", "-"));
        assertTrue(
                several.out()
                        .matches("(?s).*\"destination\": \"192.0.2.7:80\".*\"outcome\": \"direct\""
                                + ".*\"destination\": \"10.0.0.1:443\".*\"outcome\": \"captured\".*"),
                several.out());
        Outcome nobody = Program.run("explain", "-f", plan.toString(), "nobody.example:443");
        assertEquals(2, nobody.exit());
        assertTrue(nobody.err().contains("the name \"nobody.example\" has no address; getaddrinfo knows none here; "));
    }

    @Test
    void process_is_asked_for_its_user_group_and_network(Lab lab) {
        String plan = ENVOY + "services: {orders: {from: {user: 1001, group: 2002}}}\n";
        Background process = lab.background("setpriv", "--reuid=1001", "--regid=2002", "--clear-groups", "sleep", "60");
        awaitProgram("sleep", process);
        Outcome outcome = Program.must(
                0, Program.withPlan(plan, "explain", "10.0.0.1:80", "--pid", Long.toString(process.pid())));
        assertTrue(outcome.out().contains("tcp to 10.0.0.1:80 from uid 1001, gid 2002"), outcome.out());
        assertTrue(outcome.out().contains("captured: to Envoy's listener 15001, service orders"), outcome.out());
        Background elsewhere = lab.background("nsenter", "--net=" + lab.srvNetns(), "sleep", "60");
        awaitProgram("sleep", elsewhere);
        outcome = Program.must(
                0, Program.withPlan(plan, "explain", "10.99.0.1:80", "--pid", Long.toString(elsewhere.pid())));
        assertTrue(outcome.out().contains("the host's own addresses stay direct"), outcome.out());
    }

    @Test
    void process_is_asked_for_its_control_group(Lab lab) throws IOException {
        Cgroup group = lab.cgroup("meshcapture-pid-test.slice/shop.service");
        String plan = ENVOY + "services: {shop: {from: {cgroup: " + group.name() + "}}}\n";
        Background process = lab.background("sleep", "60");
        String pid = Long.toString(process.pid());
        Outcome before = Program.must(0, Program.withPlan(plan, "explain", "10.0.0.1:80", "--pid", pid));
        assertTrue(before.out().endsWith("direct: no service captures it\n"), before.out());
        Files.writeString(group.path().resolve("cgroup.procs"), pid);
        Outcome within = Program.must(0, Program.withPlan(plan, "explain", "10.0.0.1:80", "--pid", pid));
        assertTrue(within.out().contains(", cgroup /" + group.name() + "\n"), within.out());
        assertTrue(within.out().endsWith("captured: to Envoy's listener 15001, service shop\n"), within.out());
        process.stop();
    }

    /** What started it gives way to it. */
    private static void awaitProgram(String name, Background process) {
        Path comm = Path.of("/proc", Long.toString(process.pid()), "comm");
        Await.until(Duration.ofSeconds(10), name, () -> {
            try {
                return Files.readString(comm).strip().equals(name);
            } catch (IOException e) {
                return false;
            }
        });
    }
}
