package io.meshcapture.kernel;

import static io.meshcapture.kernel.Program.must;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.meshcapture.lab.Background;
import io.meshcapture.lab.Identity;
import io.meshcapture.lab.InNetns;
import io.meshcapture.lab.Lab;
import io.meshcapture.lab.Meshcapture.Outcome;
import io.meshcapture.lab.Run;
import io.meshcapture.lab.Verdict.Proxied;
import io.meshcapture.lab.Verdict.Refused;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Capture by name, on a hosts file of the test's own, which is a bind mount as in every container. */
@InNetns
class HostsKernelIT {
    private static final String BEFORE = "127.0.0.1\tlocalhost\n10.0.0.9 db db.internal # theirs\r\n";
    private static final String STATE = "/run/meshcapture-state";
    private static final Path HOSTS = Path.of("/etc/hosts");

    private static final String PLAN = """
            version: 1
            envoy: {user: 1337}
            hosts-ports: listeners
            services:
              orders: {hosts: [orders, orders.internal], ports: {80: 8000}}
              payments: {hosts: payments.internal, ports: {443: 15001}}
            """;

    @BeforeEach
    void cover(Lab lab) {
        lab.file("/etc/hosts", BEFORE);
    }

    private static Outcome run(String plan, String command, String... more) {
        String[] all = new String[more.length + 2];
        all[0] = "--state-dir";
        all[1] = STATE;
        System.arraycopy(more, 0, all, 2, more.length);
        return Program.withPlan(plan, command, all);
    }

    private static Outcome rollback(String... more) {
        String[] all = new String[more.length + 3];
        all[0] = "rollback";
        all[1] = "--state-dir";
        all[2] = STATE;
        System.arraycopy(more, 0, all, 3, more.length);
        return Program.run(all);
    }

    private static String content() throws IOException {
        return Files.readString(HOSTS, StandardCharsets.ISO_8859_1);
    }

    private static String address(String name) throws IOException {
        return content()
                .lines()
                .filter(line -> line.startsWith("127.66.") && line.contains(" " + name + " "))
                .map(line -> line.substring(0, line.indexOf(' ')))
                .findFirst()
                .orElse("");
    }

    @Test
    void apply_check_status_and_rollback_tell_one_story() throws Exception {
        Outcome dry = must(0, run(PLAN, "apply", "--dry-run"));
        assertTrue(dry.out().contains("would be captured: orders, payments"), dry.out());
        assertEquals(BEFORE, content());
        must(3, run(PLAN, "check"));

        Outcome applied = must(0, run(PLAN, "apply"));
        assertTrue(applied.out().contains("captured: orders, payments"), applied.out());
        assertTrue(content().startsWith(BEFORE));
        assertEquals(
                6,
                content().lines().filter(line -> line.contains("meshcapture")).count());
        must(0, run(PLAN, "check"));
        assertEquals(
                "in sync: 2 services captured, nothing to change\n",
                must(0, run(PLAN, "apply")).out());
        Outcome status = must(0, run(PLAN, "status"));
        assertTrue(status.out().contains("orders") && status.out().contains("hosts"), status.out());

        must(0, rollback("orders"));
        assertEquals("", address("orders"));
        assertFalse(address("payments.internal").isEmpty());
        must(0, run(PLAN, "check", "payments"));
        must(3, run(PLAN, "check"));
        Outcome all = must(0, rollback("--all"));
        assertTrue(all.out().contains("released: payments"), all.out());
        assertEquals(BEFORE, content());
        assertEquals("nothing to do\n", must(0, rollback("--all")).out());
    }

    @Test
    void an_address_stays_over_every_apply_and_a_service_that_left_the_plan_comes_off() throws Exception {
        must(0, run(PLAN, "apply"));
        String address = address("payments.internal");
        String fewer = PLAN.replaceFirst("(?m)^ {2}orders.*\n", "");
        Outcome outcome = must(0, run(fewer, "apply"));
        assertTrue(outcome.out().contains("released: orders"), outcome.out());
        must(0, run(PLAN, "apply"));
        assertEquals(address, address("payments.internal"));
        assertFalse(address("orders").equals(address));
    }

    @Test
    void a_name_that_is_mapped_already_is_a_conflict_with_its_line() throws Exception {
        Files.writeString(HOSTS, "10.1.1.1 other ORDERS.internal\n", StandardOpenOption.APPEND);
        String before = content();
        Outcome outcome = must(7, run(PLAN, "apply"));
        assertTrue(outcome.err().contains("/etc/hosts line 3 (service orders)"), outcome.err());
        assertEquals(before, content());
    }

    @Test
    void a_line_edited_by_hand_is_drift_for_check_and_stays_when_its_service_is_rolled_back() throws Exception {
        must(0, run(PLAN, "apply"));
        String edited = content().replaceFirst("127\\.66\\.\\d+\\.\\d+ orders ", "10.6.6.6 orders ");
        Files.writeString(HOSTS, edited, StandardCharsets.ISO_8859_1);
        Outcome check = must(3, run(PLAN, "check"));
        assertTrue(check.out().contains("/etc/hosts line 3 (service orders)"), check.out());
        assertTrue(check.out().contains("  - 10.6.6.6 orders"), check.out());
        must(7, run(PLAN, "apply"));
        Outcome rolledBack = must(7, rollback("--all"));
        assertTrue(rolledBack.err().contains("/etc/hosts line 3: 10.6.6.6 orders"), rolledBack.err());
        assertEquals(3, content().lines().count());
    }

    @Test
    void a_rewrite_by_others_that_lost_our_lines_is_drift_and_apply_repairs_it() throws Exception {
        must(0, run(PLAN, "apply"));
        Files.writeString(HOSTS, BEFORE + "10.0.0.1 pod\n");
        Outcome check = must(3, run(PLAN, "check"));
        assertTrue(check.out().contains("+ 127.66."), check.out());
        must(0, run(PLAN, "apply"));
        must(0, run(PLAN, "check"));
        must(0, rollback("--all"));
        assertEquals(BEFORE + "10.0.0.1 pod\n", content());
    }

    @Test
    void doubled_missing_and_commented_lines_are_named_with_their_numbers() throws Exception {
        must(0, run(PLAN, "apply"));
        List<String> lines = content().lines().toList();
        Files.writeString(
                HOSTS,
                lines.get(0) + "\n" + lines.get(2) + "\n" + lines.get(2) + "\n#"
                        + lines.get(3).substring(1) + "\n");
        Outcome check = must(3, run(PLAN, "check", "orders"));
        assertTrue(check.out().contains("/etc/hosts line 3 (service orders)"), check.out());
        assertTrue(check.out().contains("/etc/hosts line 4 (service orders)"), check.out());
        must(0, run(PLAN, "apply"));
        must(0, run(PLAN, "check"));
    }

    @Test
    void an_nsswitch_that_does_not_read_the_file_is_drift(Lab lab) {
        must(0, run(PLAN, "apply"));
        lab.file("/etc/nsswitch.conf", "passwd: files\nhosts: dns\n");
        Outcome check = must(3, run(PLAN, "check"));
        assertTrue(check.out().contains("/etc/nsswitch.conf"), check.out());
    }

    @Test
    void a_mount_whose_file_was_replaced_outside_is_told_as_stale_and_not_edited(Lab lab) throws Exception {
        must(0, run(PLAN, "apply"));
        Files.writeString(Path.of("/run/outside"), BEFORE);
        Files.writeString(Path.of("/run/next"), BEFORE);
        Run.command("mount", "--bind", "/run/outside", "/etc/hosts").orFail();
        Run.command("mv", "/run/next", "/run/outside").orFail();
        Outcome refused = must(7, run(PLAN, "apply"));
        assertTrue(refused.err().contains("/etc/hosts is a stale mount"), refused.err());
        assertTrue(refused.err().contains("restart the container"), refused.err());
        Outcome check = must(3, run(PLAN, "check"));
        assertTrue(check.out().contains("a stale mount"), check.out());
        assertEquals(BEFORE, content());
    }

    @Test
    void a_read_only_mount_is_said_before_anything_is_touched(Lab lab) throws Exception {
        Run.command("mount", "-o", "remount,ro,bind", "/etc/hosts").orFail();
        Outcome outcome = must(4, run(PLAN, "apply"));
        assertTrue(outcome.err().contains("Read-only file system"), outcome.err());
        assertFalse(Files.exists(Path.of(STATE, "hosts.journal")));
        assertEquals(BEFORE, content());
    }

    @Test
    void without_a_redirect_the_ports_must_be_named_and_who_has_to_listen_is_said() throws Exception {
        Outcome open = must(2, run(PLAN.replace(", ports: {443: 15001}", ""), "apply"));
        assertTrue(open.err().contains("service \"payments\" has no ports"), open.err());
        assertEquals(BEFORE, content());
        Outcome applied = must(0, run(PLAN, "apply"));
        assertTrue(applied.err().contains("nobody listens on " + address("orders") + ":80"), applied.err());
    }

    @Test
    void the_variables_of_services_lead_to_the_addresses_of_their_names_in_a_shell_a_unit_and_a_pod() throws Exception {
        Outcome early = must(0, run(PLAN, "env"));
        assertTrue(early.err().contains("service orders is not applied here"), early.err());
        must(0, run(PLAN, "apply"));
        Outcome all = must(0, run(PLAN, "env"));
        assertEquals(early.out(), all.out());
        assertEquals("", all.err());
        assertEquals(
                "ORDERS_SERVICE_HOST=" + address("orders") + "\nORDERS_SERVICE_PORT=80\nPAYMENTS_SERVICE_HOST="
                        + address("payments.internal") + "\nPAYMENTS_SERVICE_PORT=443\n",
                all.out());
        Path file = Files.writeString(Path.of("/run/env"), all.out());
        assertEquals(
                address("orders") + ":80\n",
                Run.command(
                                "sh",
                                "-c",
                                "set -a; . " + file
                                        + "; set +a; sh -c 'echo $ORDERS_SERVICE_HOST:$ORDERS_SERVICE_PORT'")
                        .orFail());
        // systemd.exec(5), EnvironmentFile=: what is no letter, digit, dot or underscore would need quotes
        assertTrue(all.out().lines().allMatch(line -> line.matches("[A-Z0-9_]+=[0-9.]+")), all.out());
        Outcome one = must(0, run(PLAN, "env", "payments", "-o", "json"));
        assertTrue(one.out().contains("\"name\": \"PAYMENTS_SERVICE_PORT\""), one.out());
        assertFalse(one.out().contains("ORDERS"), one.out());
        assertTrue(must(2, run(PLAN + "  other: {}\n", "env", "other")).err().contains("has no hosts"));
        assertTrue(must(2, run(PLAN, "env", "order")).err().contains("name one of: orders, payments"));
    }

    /** A process in namespaces of its own, as a container's is. */
    private static Background elsewhere(Lab lab, String prepare) {
        Background process = lab.background(
                "unshare",
                "--net",
                "--mount",
                "sh",
                "-euc",
                "ip link set lo up; " + prepare + "; echo ready; exec sleep 600");
        process.awaitOutput("ready", Duration.ofSeconds(10));
        return process;
    }

    @Test
    void names_of_a_process_elsewhere_are_written_to_the_hosts_file_that_it_reads(Lab lab) throws Exception {
        Files.writeString(Path.of("/run/theirs"), BEFORE);
        Files.writeString(Path.of("/run/theirs-nsswitch"), "hosts: dns\n");
        Background process = elsewhere(lab, "mount --bind /run/theirs /etc/hosts");
        String netns = Long.toString(process.pid());
        String theirs = "/proc/" + netns + "/root/etc/hosts";
        must(0, run(PLAN, "apply", "--netns", netns));
        assertEquals(BEFORE, content());
        String written = Files.readString(Path.of("/run/theirs"));
        assertTrue(written.startsWith(BEFORE) && written.contains(" orders # meshcapture svc=orders "), written);
        Outcome check = must(0, run(PLAN, "check", "--netns", netns));
        assertTrue(check.err().contains("names were not looked up"), check.err());
        assertEquals(
                written.lines().skip(2).findFirst().orElseThrow().split(" ", 2)[0],
                Run.command("nsenter", "-t", netns, "-m", "getent", "ahostsv4", "orders")
                        .orFail()
                        .split(" ", 2)[0]);
        Run.command("nsenter", "-t", netns, "-m", "mount", "--bind", "/run/theirs-nsswitch", "/etc/nsswitch.conf")
                .orFail();
        assertTrue(must(3, run(PLAN, "check", "--netns", netns)).out().contains("/etc/nsswitch.conf"));
        Outcome trial =
                must(4, run(PLAN.replace("orders.internal", "o"), "apply", "--netns", netns, "--confirm-within", "9s"));
        assertTrue(trial.err().contains("cannot be put on trial"), trial.err());
        Files.writeString(Path.of("/run/theirs"), "10.1.1.1 orders\n", StandardOpenOption.APPEND);
        assertTrue(must(3, run(PLAN, "check", "--netns", netns)).out().contains(theirs + " line 9"));
        must(0, rollback("--all", "--netns", netns));
        assertEquals(BEFORE + "10.1.1.1 orders\n", Files.readString(Path.of("/run/theirs")));
        assertEquals(BEFORE, content());
    }

    @Test
    void a_process_elsewhere_that_reads_this_hosts_file_or_makes_a_link_to_one_is_refused(Lab lab) throws Exception {
        for (String prepare : List.of(
                ":",
                "mount -t tmpfs none /run; mkdir /run/etc; ln -s /etc/hosts /run/etc/hosts; mount --rbind /run/etc /etc",
                "mkdir /run/r; mount -t tmpfs none /run/r; mkdir -p /run/r/old /run/r/proc; for d in usr bin lib lib64 sbin; do [ -e /$d ]"
                        + " && mkdir /run/r/$d && mount --bind /$d /run/r/$d; done; ln -s /proc/1/root/etc /run/r/etc;"
                        + " mount --rbind /proc /run/r/proc; cd /run/r; pivot_root . old")) {
            Background process = elsewhere(lab, prepare);
            String netns = Long.toString(process.pid());
            Outcome refused = run(PLAN, "apply", "--netns", netns);
            assertTrue(refused.exit() == 4 || refused.exit() == 7, refused.err() + refused.out());
            assertEquals(BEFORE, content(), prepare);
        }
    }

    @Test
    void services_by_address_are_applied_alone_where_names_stand() throws Exception {
        must(0, run(PLAN, "apply"));
        String applied = content();
        String more = PLAN + "  ledger: {from: {user: 2002}}\n";
        must(0, run(more, "apply", "ledger", "--confirm-within", "60s"));
        must(0, run(more, "confirm"));
        assertEquals(applied, content());
        must(0, run(more, "check"));
        must(0, rollback("--all", "--drain", "0"));
        assertEquals(BEFORE, content());
    }

    @Test
    void this_hosts_own_name_is_refused() throws Exception {
        String own = Files.readString(Path.of("/proc/sys/kernel/hostname")).strip();
        Outcome outcome = must(2, run(PLAN.replace("payments.internal", own), "apply"));
        assertTrue(outcome.err().contains("this host's own"), outcome.err());
        assertEquals(BEFORE, content());
    }

    @ParameterizedTest
    @ValueSource(strings = {"nftables", "iptables-nft", "iptables-legacy"})
    void with_a_redirect_names_reach_envoys_listeners_and_keep_the_original_destination(String backend, Lab lab)
            throws Exception {
        String plan = PLAN.replace("listeners", "auto").replace("services:", "backend: " + backend + "\nservices:");
        lab.proxy(8000);
        lab.proxy(15001);
        must(0, run(plan, "apply"));
        must(0, run(plan, "check"));
        String orders = address("orders") + ":80";
        String payments = address("payments.internal") + ":443";
        assertEquals(new Proxied(8000, orders), lab.caller().uid(1000).connect(orders));
        assertEquals(new Proxied(8000, orders), lab.caller().v4Mapped().connect(orders));
        assertEquals(new Proxied(15001, payments), lab.caller().uid(1000).connect(payments));
        assertEquals(new Refused(), lab.caller().uid(1000).connect(address("orders") + ":81"));
        assertEquals(new Refused(), lab.caller().as(Identity.ENVOY).connect(orders));
        Outcome explained = must(0, run(plan, "explain", orders));
        assertTrue(explained.out().contains("captured: to Envoy's listener 8000, service orders"), explained.out());
        assertEquals(
                explained.out().lines().toList().getLast(),
                must(0, run(plan, "explain", orders, "--live"))
                        .out()
                        .lines()
                        .toList()
                        .getLast());
        assertTrue(must(0, run(plan, "status")).out().contains("hosts+" + backend));
        must(0, rollback("orders", "--drain", "0"));
        must(0, run(plan, "check", "payments"));
        must(0, rollback("--all", "--drain", "0"));
        assertEquals(BEFORE, content());
    }
}
