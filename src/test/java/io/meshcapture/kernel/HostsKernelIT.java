package io.meshcapture.kernel;

import static io.meshcapture.kernel.HostsCommands.HOSTS;
import static io.meshcapture.kernel.HostsCommands.PLAN;
import static io.meshcapture.kernel.HostsCommands.STATE;
import static io.meshcapture.kernel.HostsCommands.address;
import static io.meshcapture.kernel.HostsCommands.content;
import static io.meshcapture.kernel.HostsCommands.rollback;
import static io.meshcapture.kernel.HostsCommands.with;
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
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Capture by name, on a hosts file of the test's own, which is a bind mount as in every container. */
@InNetns
class HostsKernelIT {
    private static final String BEFORE = "127.0.0.1\tlocalhost\n10.0.0.9 db db.internal # theirs\r\n";

    @BeforeEach
    void cover(Lab lab) {
        lab.file("/etc/hosts", BEFORE);
    }

    @Test
    void apply_check_status_and_rollback_tell_one_story() throws Exception {
        Outcome dry = must(0, with(PLAN, "apply", "--dry-run"));
        assertTrue(dry.out().contains("would be captured: orders, payments"), dry.out());
        assertEquals(BEFORE, content());
        must(3, with(PLAN, "check"));

        Outcome applied = must(0, with(PLAN, "apply"));
        assertTrue(applied.out().contains("captured: orders, payments"), applied.out());
        assertTrue(content().startsWith(BEFORE));
        assertEquals(
                6,
                content().lines().filter(line -> line.contains("meshcapture")).count());
        Program.mustStand(with(PLAN, "check"));
        assertEquals(
                "in sync: 2 services captured, nothing to change\n",
                must(0, with(PLAN, "apply")).out());
        Outcome status = must(0, with(PLAN, "status"));
        assertTrue(status.out().contains("orders") && status.out().contains("hosts"), status.out());

        must(0, rollback("orders"));
        assertEquals("", address("orders"));
        assertFalse(address("payments.internal").isEmpty());
        Program.mustStand(with(PLAN, "check", "payments"));
        must(3, with(PLAN, "check"));
        Outcome all = must(0, rollback("--all"));
        assertTrue(all.out().contains("released: payments"), all.out());
        assertEquals(BEFORE, content());
        assertEquals("nothing to do\n", must(0, rollback("--all")).out());
    }

    @Test
    void an_address_stays_over_every_apply_and_a_service_that_left_the_plan_comes_off() throws Exception {
        must(0, with(PLAN, "apply"));
        String address = address("payments.internal");
        String fewer = PLAN.replaceFirst("(?m)^ {2}orders.*\n", "");
        Outcome outcome = must(0, with(fewer, "apply"));
        assertTrue(outcome.out().contains("released: orders"), outcome.out());
        must(0, with(PLAN, "apply"));
        assertEquals(address, address("payments.internal"));
        assertFalse(address("orders").equals(address));
    }

    @Test
    void a_name_that_is_mapped_already_is_a_conflict_with_its_line() throws Exception {
        Files.writeString(HOSTS, "10.1.1.1 other ORDERS.internal\n", StandardOpenOption.APPEND);
        String before = content();
        Outcome outcome = must(7, with(PLAN, "apply"));
        assertTrue(outcome.err().contains("/etc/hosts line 3 (service orders)"), outcome.err());
        Outcome check = must(3, with(PLAN, "check"));
        assertTrue(
                check.out().contains("apply leaves alone: /etc/hosts line 3; then capture with: meshcapture apply"),
                check.out());
        assertEquals(before, content());
    }

    @Test
    void a_line_edited_by_hand_is_drift_for_check_and_stays_when_its_service_is_rolled_back() throws Exception {
        must(0, with(PLAN, "apply"));
        String edited = content().replaceFirst("127\\.66\\.\\d+\\.\\d+ orders ", "10.6.6.6 orders ");
        Files.writeString(HOSTS, edited, StandardCharsets.ISO_8859_1);
        Outcome check = must(3, with(PLAN, "check"));
        assertTrue(check.out().contains("/etc/hosts line 3 (service orders)"), check.out());
        assertTrue(check.out().contains("  - 10.6.6.6 orders"), check.out());
        String first =
                "first change by hand what apply leaves alone: /etc/hosts line 3; then repair with: meshcapture apply";
        assertTrue(check.out().contains(first), check.out());
        must(7, with(PLAN, "apply"));
        Outcome rolledBack = must(7, rollback("--all"));
        assertTrue(rolledBack.err().contains("/etc/hosts line 3: 10.6.6.6 orders"), rolledBack.err());
        assertEquals(3, content().lines().count());
    }

    @Test
    void a_rewrite_by_others_that_lost_our_lines_is_drift_and_apply_repairs_it() throws Exception {
        must(0, with(PLAN, "apply"));
        Files.writeString(HOSTS, BEFORE + "10.0.0.1 pod\n");
        Outcome check = must(3, with(PLAN, "check"));
        assertTrue(check.out().contains("+ 127.66."), check.out());
        must(0, with(PLAN, "apply"));
        Program.mustStand(with(PLAN, "check"));
        must(0, rollback("--all"));
        assertEquals(BEFORE + "10.0.0.1 pod\n", content());
    }

    @Test
    void doubled_missing_and_commented_lines_are_named_with_their_numbers() throws Exception {
        must(0, with(PLAN, "apply"));
        List<String> lines = content().lines().toList();
        Files.writeString(
                HOSTS,
                lines.get(0) + "\n" + lines.get(2) + "\n" + lines.get(2) + "\n#"
                        + lines.get(3).substring(1) + "\n");
        Outcome check = must(3, with(PLAN, "check", "orders"));
        assertTrue(check.out().contains("/etc/hosts line 3 (service orders)"), check.out());
        assertTrue(check.out().contains("/etc/hosts line 4 (service orders)"), check.out());
        assertTrue(check.err().contains("1 line(s) of ours are comments, which the next apply"), check.err());
        must(0, with(PLAN, "apply"));
        Program.mustStand(with(PLAN, "check"));
    }

    @Test
    void while_somebody_keeps_the_file_open_to_write_comments_stay_and_are_no_drift() throws Exception {
        must(0, with(PLAN, "apply"));
        String applied = content();
        String paymentsAlone = PLAN.replaceFirst(" {2}orders.*\n", "");
        try (Background writer =
                Background.started("", Map.of(), List.of("sh", "-c", "exec 3>>/etc/hosts; echo open; exec sleep 60"))) {
            writer.awaitOutput("open", Run.LIMIT);
            assertTrue(must(0, rollback("orders")).err().contains("keeps /etc/hosts open to write"));
            assertEquals("", address("orders"));
            assertEquals(applied.length(), content().length());
            must(0, with(PLAN, "apply"));
            Program.mustStand(with(PLAN, "check"));
            must(0, rollback("orders"));
            must(0, with(PLAN, "apply"));
            assertEquals(applied.length(), content().length());
            must(0, rollback("orders"));
            must(0, with(paymentsAlone, "apply"));
            assertTrue(must(0, with(paymentsAlone, "apply", "--dry-run")).out().startsWith("in sync"));
        }
        assertTrue(content().contains("\n#27.66."), content());
        Outcome dry = with(paymentsAlone, "apply", "--dry-run");
        assertTrue(dry.out().contains("/etc/hosts line "), dry.out() + dry.err());
        must(0, rollback("--all"));
        assertEquals(BEFORE, content());
    }

    @Test
    void an_nsswitch_that_does_not_read_the_file_is_drift(Lab lab) {
        must(0, with(PLAN, "apply"));
        lab.file("/etc/nsswitch.conf", "passwd: files\nhosts: dns\n");
        Outcome check = must(3, with(PLAN, "check"));
        assertTrue(check.out().contains("/etc/nsswitch.conf"), check.out());
    }

    @Test
    void a_mount_whose_file_was_replaced_outside_is_told_as_stale_and_not_edited(Lab lab) throws Exception {
        must(0, with(PLAN, "apply"));
        Files.writeString(Path.of("/run/outside"), BEFORE);
        Files.writeString(Path.of("/run/next"), BEFORE);
        Run.command("mount", "--bind", "/run/outside", "/etc/hosts").orFail();
        Run.command("mv", "/run/next", "/run/outside").orFail();
        Outcome refused = must(7, with(PLAN, "apply"));
        assertTrue(refused.err().contains("/etc/hosts is a stale mount"), refused.err());
        assertTrue(refused.err().contains("restart the container"), refused.err());
        Outcome check = must(3, with(PLAN, "check"));
        assertTrue(check.out().contains("a stale mount"), check.out());
        assertEquals(BEFORE, content());
    }

    @Test
    void a_read_only_mount_is_said_before_anything_is_touched(Lab lab) throws Exception {
        Run.command("mount", "-o", "remount,ro,bind", "/etc/hosts").orFail();
        Outcome outcome = must(4, with(PLAN, "apply"));
        assertTrue(
                outcome.err().contains("the hosts file /etc/hosts cannot be changed; open: Read-only file system"),
                outcome.err());
        assertFalse(HostsCommands.isRemembered("journal"));
        assertEquals(BEFORE, content());
    }

    @Test
    void without_a_redirect_the_ports_must_be_named_and_who_has_to_listen_is_said() throws Exception {
        Outcome open = must(2, with(PLAN.replace(", ports: {443: 15001}", ""), "apply"));
        assertTrue(
                open.err()
                        .contains(
                                "service \"payments\" has no ports, and connections to names are not redirected here"),
                open.err());
        assertEquals(BEFORE, content());
        Outcome applied = must(0, with(PLAN, "apply", "-v"));
        assertTrue(applied.err().contains("nobody listens on " + address("orders") + ":80"), applied.err());
        assertTrue(applied.err().contains("(hosts-ports: listeners), as the plan says"), applied.err());
    }

    @Test
    void without_the_capability_to_redirect_envoys_own_listeners_are_chosen_and_that_is_said() throws Exception {
        List<String> command = List.of(
                "setpriv",
                "--bounding-set=-net_admin",
                Program.DISTRIBUTION,
                "apply",
                "-f",
                "-",
                "-v",
                "--state-dir",
                STATE.toString());
        Run.Result applied = Run.command(PLAN.replace("listeners", "auto"), Map.of(), Run.LIMIT, command);
        assertEquals(0, applied.exit(), applied.err());
        assertTrue(applied.err().contains("(hosts-ports: listeners), since netfilter is not to be had"), applied.err());
        assertTrue(applied.err().contains("nobody listens on " + address("orders") + ":80"), applied.err());
    }

    @Test
    void the_variables_of_services_lead_to_the_addresses_of_their_names_in_a_shell_a_unit_and_a_pod() throws Exception {
        Outcome early = must(0, with(PLAN, "env"));
        assertTrue(early.err().contains("service orders is not applied here"), early.err());
        must(0, with(PLAN, "apply"));
        Outcome all = must(0, with(PLAN, "env"));
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
        Outcome one = must(0, with(PLAN, "env", "payments", "-o", "json"));
        assertTrue(one.out().contains("\"name\": \"PAYMENTS_SERVICE_PORT\""), one.out());
        assertFalse(one.out().contains("ORDERS"), one.out());
        assertTrue(must(2, with(PLAN + "  other: {}\n", "env", "other")).err().contains("has no hosts"));
        assertTrue(must(2, with(PLAN, "env", "order")).err().contains("name one of: orders, payments"));
    }

    @Test
    void services_by_address_are_applied_alone_where_names_stand() throws Exception {
        must(0, with(PLAN, "apply"));
        String applied = content();
        String more = PLAN + "  ledger: {from: {user: 2002}}\n";
        must(0, with(more, "apply", "ledger", "--confirm-within", "60s"));
        must(0, with(more, "confirm"));
        assertEquals(applied, content());
        Program.mustStand(with(more, "check"));
        must(0, rollback("--all", "--drain", "0"));
        assertEquals(BEFORE, content());
    }

    @Test
    void this_hosts_own_name_is_refused() throws Exception {
        String own = Files.readString(Path.of("/proc/sys/kernel/hostname")).strip();
        Outcome outcome = must(2, with(PLAN.replace("payments.internal", own), "apply"));
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
        String said = must(0, with(plan, "apply", "-v")).err();
        assertTrue(said.contains("redirected by it (hosts-ports: redirect), since netfilter is to be had"), said);
        must(0, with(plan, "check"));
        String orders = address("orders") + ":80";
        String payments = address("payments.internal") + ":443";
        assertEquals(new Proxied(8000, orders), lab.caller().uid(1000).connect(orders));
        assertEquals(new Proxied(8000, orders), lab.caller().v4Mapped().connect(orders));
        assertEquals(new Proxied(15001, payments), lab.caller().uid(1000).connect(payments));
        assertEquals(new Refused(), lab.caller().uid(1000).connect(address("orders") + ":81"));
        assertEquals(new Refused(), lab.caller().as(Identity.ENVOY).connect(orders));
        Outcome explained = must(0, with(plan, "explain", orders));
        assertTrue(explained.out().contains("captured: to Envoy's listener 8000, service orders"), explained.out());
        assertEquals(
                explained.out().lines().toList().getLast(),
                must(0, with(plan, "explain", orders, "--live"))
                        .out()
                        .lines()
                        .toList()
                        .getLast());
        assertTrue(must(0, with(plan, "status")).out().contains("hosts+" + backend));
        must(0, rollback("orders", "--drain", "0"));
        must(0, with(plan, "check", "payments"));
        must(0, rollback("--all", "--drain", "0"));
        assertEquals(BEFORE, content());
    }
}
