package io.meshcapture.container;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.gson.Gson;
import com.google.gson.JsonArray;
import com.google.gson.JsonObject;
import io.meshcapture.container.Debian13.Ending;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The distribution in a locked container of Debian 13; see the package's description. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
final class Debian13IT {
    private static final Map<String, String> PLAN = Map.of("MESHCAPTURE_PLAN", "/opt/test/plan.yaml");
    private static final int ORDERS = 2001;
    private static final int LEDGER = 2002;
    private static final String SOMEWHERE = "203.0.113.7";
    private static final String SOMEWHERE_IPV6 = "2001:db8::7";

    @BeforeAll
    void buildTheImage() throws IOException {
        Debian13.build(Engine.open(), goldenPlans());
    }

    /**
     * The stories' plans, but those that are refused, and those about systemd's units and the hosts file: the container has
     * none, and may not write to its file.
     */
    private static Map<String, Path> goldenPlans() throws IOException {
        Map<String, Path> plans = new TreeMap<>();
        try (Stream<Path> stories = Files.list(Path.of("src/test/resources/io/meshcapture/golden"))) {
            for (Path story : stories.toList()) {
                Path plan = story.resolve("plan.yaml");
                String text = Files.readString(plan);
                if (Files.exists(story.resolve("ruleset.nft")) && !text.contains("unit:") && !text.contains("hosts:")) {
                    plans.put(story.getFileName().toString(), plan);
                }
            }
        }
        return plans;
    }

    @Test
    void theContainerIsWhatItIsMeantToBe() {
        try (Debian13 debian = Debian13.start(PLAN)) {
            assertTrue(debian.nft("--version").startsWith("nftables v1.1."), "another nftables than Debian 13's");
            for (String directory : List.of("", "/tmp", "/run", "/var/lib", "/etc", "/dev/shm")) {
                assertTrue(debian.run("touch", directory + "/x").code() != 0, directory + " can be written");
            }
            String status = debian.run("cat", "/proc/self/status").orFail();
            assertTrue(status.contains("CapBnd:\t0000000000001000\n"), status);
            assertTrue(status.contains("Seccomp:\t2\n"), status);
        }
    }

    @Test
    void connectionsReachEnvoyAndItKnowsWhereTheyWereMeantToGo() {
        try (Debian13 debian = Debian13.start(Map.of())) {
            assertEquals("no answer", debian.call(ORDERS, SOMEWHERE, 8080), "before anything is captured");

            Ending applied = debian.meshcapture("apply", "-f", "/opt/test/plan.yaml", "--wait-envoy", "5s");

            assertEquals(
                    new Ending(0, "captured: orders, ledger\ndone: 2 services captured, IPv6 captured too\n", ""),
                    applied);
            assertEquals("Envoy, asked for 203.0.113.7:8080", debian.call(ORDERS, SOMEWHERE, 8080));
            assertEquals("Envoy, asked for [2001:db8::7]:443", debian.call(ORDERS, SOMEWHERE_IPV6, 443));
            assertEquals("Envoy, asked for 198.51.100.9:443", debian.call(LEDGER, "198.51.100.9", 443));
            assertEquals("Envoy, asked for [2001:db8::7]:8042", debian.call(LEDGER, SOMEWHERE_IPV6, 8042));

            assertEquals("no answer", debian.call(ORDERS, "10.1.2.3", 5432), "excepted");
            assertEquals("no answer", debian.call(ORDERS, "fd00:12::7", 443), "excepted");
            assertEquals("no answer", debian.call(LEDGER, SOMEWHERE, 443), "not among its destinations");
            assertEquals("no answer", debian.call(2003, SOMEWHERE, 8080), "of no service");
            assertEquals("no answer", debian.call(1337, SOMEWHERE, 8080), "Envoy's own");
        }
    }

    @Test
    void theEnvironmentAloneIsEnough() {
        Map<String, String> environment = Map.of(
                "MESHCAPTURE_ENVOY_USER", "1337",
                "MESHCAPTURE_FROM_USER", "2001",
                "MESHCAPTURE_EXCEPT", "10.0.0.0/8 :22");
        try (Debian13 debian = Debian13.start(environment)) {
            assertEquals(
                    new Ending(0, "captured: default\ndone: 1 service captured, IPv6 captured too\n", ""),
                    debian.meshcapture("apply"));

            assertEquals(new Ending(0, "in sync: 1 service\n", ""), debian.meshcapture("check"));
            assertEquals("Envoy, asked for 203.0.113.7:8080", debian.call(ORDERS, SOMEWHERE, 8080));
            assertEquals("no answer", debian.call(ORDERS, "10.1.2.3", 8080));
        }
    }

    /** Docker mounts a file of its own over it, which cannot be replaced, and writes it anew at each start. */
    @Test
    void namesNeedNoCapabilityAndStandAgainAfterARestartAndAnApply() {
        String plan = """
                version: 1
                envoy: {user: 1337}
                hosts-ports: listeners
                services: {orders: {hosts: orders.internal, ports: {80: 15001}}}
                """;
        try (Debian13 debian = Debian13.startWritable()) {
            String before = debian.run("cat", "/etc/hosts").orFail();
            String inode = debian.run("stat", "-c", "%i %u %g %a", "/etc/hosts").orFail();
            debian.meshcaptureReading(plan, "apply").orFail();
            // not by getent: it asks for addresses of families that an interface besides loopback has
            String found = debian.run("python3", "-c", "import socket; print(socket.gethostbyname('orders.internal'))")
                    .orFail();
            assertTrue(found.startsWith("127.66."), found);
            String stands = debian.meshcaptureReading(plan, "check").out();
            assertTrue(stands.contains("in place, but Envoy"), stands);
            assertEquals(
                    inode, debian.run("stat", "-c", "%i %u %g %a", "/etc/hosts").orFail());

            debian.restart();
            Ending lost = debian.meshcaptureReading(plan, "check");
            assertEquals(3, lost.code(), lost.toString());
            debian.meshcaptureReading(plan, "apply").orFail();
            stands = debian.meshcaptureReading(plan, "check").out();
            assertTrue(stands.contains("in place, but Envoy"), stands);
            debian.meshcapture("rollback", "--all").orFail();
            assertEquals(before, debian.run("cat", "/etc/hosts").orFail());
        }
    }

    @Test
    void aSecondApplyFindsEverythingInSyncAndTouchesNoRule() {
        try (Debian13 debian = Debian13.start(PLAN)) {
            debian.meshcapture("apply").orFail();
            String rules = rulesAndRecords(debian);

            assertEquals(new Ending(0, "in sync: 2 services\n", ""), debian.meshcapture("check"));
            assertEquals(
                    new Ending(0, "in sync: 2 services captured, nothing to change\n", ""),
                    debian.meshcapture("apply"));
            assertEquals(rules, rulesAndRecords(debian));
        }
    }

    /** With handles, which are new for a rule that was written again, and the times at which services were captured. */
    private static String rulesAndRecords(Debian13 debian) {
        return debian.nft("--terse", "--handle", "list", "ruleset")
                + debian.nft("list", "set", "inet", "meshcapture", "services");
    }

    @Test
    void aControlGroupIsACallerToo() {
        try (Debian13 debian = Debian13.startWithControlGroups()) {
            String group = debian.run("sed", "-n", "s/^0:://p", "/proc/self/cgroup")
                    .orFail()
                    .strip();
            String plan = "{version: 1, envoy: {user: envoy}, services: {here: {from: {cgroup: " + group + "}}}}";

            assertEquals(
                    "captured: here\ndone: 1 service captured, IPv6 captured too\n",
                    debian.meshcaptureReading(plan, "apply").orFail());

            assertEquals(
                    "in sync: 1 service\n",
                    debian.meshcaptureReading(plan, "check").orFail());
            assertEquals("Envoy, asked for 203.0.113.7:8080", debian.call(2003, SOMEWHERE, 8080));
            assertEquals("Envoy, asked for [2001:db8::7]:443", debian.call(2003, SOMEWHERE_IPV6, 443));
            assertEquals("no answer", debian.call(1337, SOMEWHERE, 8080), "Envoy's own");
        }
    }

    /** Every kind of rule that we write, as these versions of libnftables and iptables spell it when it is read back. */
    @ParameterizedTest
    @ValueSource(strings = {"nftables", "iptables-nft", "iptables-legacy"})
    void everyStorysPlanIsInSyncOnceItIsApplied(String backend) throws IOException {
        long plans = goldenPlans().values().stream()
                .filter(plan -> !isRefused(plan, backend))
                .count();
        assertTrue(plans >= 15, "only " + plans);
        try (Debian13 debian =
                backend.equals("nftables") ? Debian13.start(Map.of()) : Debian13.startForIptables(backend, Map.of())) {
            Ending applied = debian.run("sh", "/opt/test/apply-plans");

            assertEquals(plans, applied.orFail().lines().count(), applied.out());
            applied.out()
                    .lines()
                    .forEach(line -> assertTrue(
                            line.matches("[a-z0-9-]+: (in sync|in place, but Envoy [a-z ,]+):"
                                    + " [A-Za-z0-9 ,]+; nothing to change"),
                            line));

            debian.meshcapture("rollback", "--all", "--drain", "0").orFail();
            assertNothingOfOurs(debian);
        }
    }

    private static boolean isRefused(Path plan, String backend) {
        try {
            String text = Files.readString(plan);
            return (backend.startsWith("iptables") && text.contains("invalid: drop"))
                    || (backend.equals("iptables-legacy") && text.contains("cgroup:"));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** 1.8.11, which spells rules otherwise and waits for its lock otherwise than 1.8.9. */
    @ParameterizedTest
    @ValueSource(strings = {"iptables-nft", "iptables-legacy"})
    void newerIptablesCapturesTheSameAndLeavesNothing(String backend) {
        try (Debian13 debian = Debian13.startForIptables(backend, PLAN)) {
            String version = debian.run(backend, "--version").orFail();
            assertTrue(version.startsWith("iptables v1.8.11 "), version);
            debian.meshcapture("apply").orFail();
            assertEquals("in sync: 2 services\n", debian.meshcapture("check").orFail());
            assertEquals(
                    "in sync: 2 services captured, nothing to change\n",
                    debian.meshcapture("apply").orFail());
            assertEquals("Envoy, asked for 203.0.113.7:8080", debian.call(ORDERS, SOMEWHERE, 8080));
            assertEquals("Envoy, asked for [2001:db8::7]:443", debian.call(ORDERS, SOMEWHERE_IPV6, 443));
            String status = debian.meshcapture("status").orFail();
            assertTrue(status.lines().anyMatch(line -> line.startsWith("orders") && line.contains(backend)), status);
            assertTrue(status.lines().anyMatch(line -> line.matches("orders .*Z +\\S+ +2 +0 .*")), status);
            debian.meshcapture("rollback", "--all", "--drain", "0").orFail();
            assertNothingOfOurs(debian);
        }
    }

    private static void assertNothingOfOurs(Debian13 debian) {
        assertFalse(debian.nft("list", "ruleset").toLowerCase(Locale.ROOT).contains("meshcapture"));
        for (String save : List.of("iptables-legacy-save", "ip6tables-legacy-save")) {
            String saved = debian.run(save, "-c").out();
            assertFalse(saved.contains("MESHCAPTURE"), saved);
        }
    }

    @Test
    void aDryRunSaysWhatWouldChangeAndChangesNothing() {
        try (Debian13 debian = Debian13.start(PLAN)) {
            Ending dry = debian.meshcapture("apply", "--dry-run");

            assertEquals(0, dry.code(), dry.err());
            assertTrue(dry.out().contains("would be captured: orders, ledger\n"), dry.out());
            assertEquals("", debian.nft("list", "ruleset"));

            debian.meshcapture("apply").orFail();
            assertEquals(
                    "in sync: 2 services captured, nothing to change\n",
                    debian.meshcapture("apply", "--dry-run").orFail());
        }
    }

    @Test
    void explainDecidesByTheLiveStateAsByThePlan() {
        try (Debian13 debian = Debian13.start(PLAN)) {
            debian.meshcapture("apply").orFail();

            Map<String, String> outcomes = Map.of(
                    "203.0.113.7:8080", "captured: to Envoy's listener 15001, service orders",
                    "[2001:db8::7]:443", "captured: to Envoy's listener 15001, service orders",
                    "10.1.2.3:5432", "direct, service orders",
                    "[fd00:12::7]:443", "direct, service orders",
                    "127.0.0.1:80", "direct");
            outcomes.forEach((destination, outcome) -> {
                List<String> planned = explained(debian.meshcapture("explain", destination, "--from-user", "2001"));
                List<String> live =
                        explained(debian.meshcapture("explain", "--live", destination, "--from-user", "2001"));
                assertEquals(outcome, planned.getLast());
                assertEquals(outcome, live.getLast());
                assertEquals(planned.size(), live.size(), () -> planned + " and " + live);
            });
        }
    }

    private static List<String> explained(Ending ending) {
        return ending.orFail().lines().toList();
    }

    @Test
    void statusCountsTheConnectionsOfEachService() {
        try (Debian13 debian = Debian13.start(PLAN)) {
            debian.meshcapture("apply").orFail();
            debian.call(ORDERS, SOMEWHERE, 8080);
            debian.call(ORDERS, SOMEWHERE_IPV6, 443);
            debian.call(ORDERS, "10.1.2.3", 5432);

            JsonObject status = new Gson()
                    .fromJson(debian.meshcapture("status", "-o", "json").orFail(), JsonObject.class);

            assertEquals("meshcapture/v1", status.get("schema").getAsString());
            JsonArray services = status.getAsJsonArray("services");
            assertEquals(2, services.size());
            assertEquals("ledger 0 0 none", counts(services.get(0).getAsJsonObject()));
            assertEquals("orders 2 1 none", counts(services.get(1).getAsJsonObject()));
        }
    }

    private static String counts(JsonObject service) {
        return String.join(
                " ",
                service.get("service").getAsString(),
                service.get("captured").getAsString(),
                service.get("excepted").getAsString(),
                service.get("drift").getAsString());
    }

    @Test
    void oneServiceIsReleasedWithoutTheOtherAndAllOfThemWithoutATrace() {
        try (Debian13 debian = Debian13.start(PLAN)) {
            debian.meshcapture("apply").orFail();

            assertEquals(
                    new Ending(0, "released: orders\nstill captured: ledger\n", ""),
                    debian.meshcapture("rollback", "orders"));
            assertEquals("no answer", debian.call(ORDERS, SOMEWHERE, 8080));
            assertEquals("Envoy, asked for 198.51.100.9:443", debian.call(LEDGER, "198.51.100.9", 443));
            assertEquals(new Ending(0, "in sync: 1 service\n", ""), debian.meshcapture("check", "ledger"));
            assertEquals(3, debian.meshcapture("check").code());

            assertEquals(
                    "released: ledger\n",
                    debian.meshcapture("rollback", "--all", "--drain", "0").orFail());
            assertEquals("", debian.nft("list", "ruleset"));
            assertEquals("no answer", debian.call(LEDGER, "198.51.100.9", 443));
            assertEquals(
                    "nothing to do\n", debian.meshcapture("rollback", "--all").orFail());
        }
    }

    @Test
    void whatSomebodyChangedByHandIsShownAndRepaired() {
        try (Debian13 debian = Debian13.start(PLAN)) {
            debian.meshcapture("apply").orFail();
            debian.nft("flush", "chain", "inet", "meshcapture", "to_15001");
            debian.nft("add", "rule", "inet", "meshcapture", "to_15001", "meta l4proto tcp redirect to :15009");

            Ending check = debian.meshcapture("check");

            assertEquals(3, check.code(), check.err());
            assertTrue(check.out().contains("  - meta l4proto tcp redirect to :15009\n"), check.out());
            assertTrue(
                    check.out().contains("  + meta l4proto tcp redirect to :15001 comment \"to Envoy\"\n"),
                    check.out());
            assertTrue(check.out().endsWith("repair with: meshcapture apply\n"), check.out());

            String repaired = debian.meshcapture("apply").orFail();
            assertTrue(repaired.startsWith("repaired: "), repaired);
            assertEquals("in sync: 2 services\n", debian.meshcapture("check").orFail());
            assertEquals("Envoy, asked for 203.0.113.7:8080", debian.call(ORDERS, SOMEWHERE, 8080));
        }
    }

    @Test
    void withoutTheCapabilityItSaysWhichOneToAdd() {
        try (Debian13 debian = Debian13.startWithoutCapabilities(PLAN)) {
            String missing = "meshcapture: the privilege CAP_NET_ADMIN is missing; netfilter can neither be read nor "
                    + "changed without it; run it with sudo, or in a container add the capability NET_ADMIN\n";
            for (String command : List.of("apply", "check", "status")) {
                assertEquals(new Ending(4, "", missing), debian.meshcapture(command), command);
            }
        }
    }

    @Test
    void allOfAPlansMistakesAreSaidAndNothingIsTouched() {
        try (Debian13 debian = Debian13.start(PLAN)) {
            Ending wrong = debian.meshcapture("apply", "-f", "/opt/test/wrong.yaml");

            assertEquals(2, wrong.code());
            assertEquals("", wrong.out());
            assertTrue(wrong.err().contains("/opt/test/wrong.yaml:4:13"), wrong.err());
            assertTrue(wrong.err().contains("/opt/test/wrong.yaml:7:12"), wrong.err());
            assertEquals("", debian.nft("list", "ruleset"));
        }
    }
}
