package io.meshcapture.kernel;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.gson.Gson;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import io.meshcapture.lab.Background;
import io.meshcapture.lab.Identity;
import io.meshcapture.lab.InNetns;
import io.meshcapture.lab.Iptables;
import io.meshcapture.lab.Lab;
import io.meshcapture.lab.Meshcapture.Outcome;
import io.meshcapture.lab.Run;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/** doctor on this kernel: what it finds is what was done, and it leaves everything as it was. */
@InNetns
class DoctorKernelIT {

    /** What the machine that runs the tests has in these files is none of their business. */
    @BeforeEach
    void ordinaryFiles(Lab lab) {
        lab.file("/etc/resolv.conf", "nameserver 10.99.0.1\n");
        lab.file("/etc/hosts", "127.0.0.1 localhost\n::1 localhost\n");
        lab.file("/etc/nsswitch.conf", "hosts: files dns\n");
    }

    @Test
    void this_kernel_has_every_feature_and_trying_them_leaves_nothing_behind(Lab lab) {
        Outcome outcome = Program.run("doctor");
        assertEquals(0, outcome.exit(), outcome.out());
        assertTrue(outcome.out().contains("has everything"), outcome.out());
        assertTrue(outcome.out().endsWith("healthy: nothing keeps capture from working here\n"), outcome.out());
        assertEquals("", lab.nft().list());
    }

    @Test
    void the_close_wait_advice_is_a_finding_and_is_not_followed_by_itself(Lab lab) {
        Run.command("nft", "add table inet t").orFail();
        Run.commandWithInput(
                        "add chain inet t c { type nat hook output priority 0; }\nadd rule inet t c ct state new",
                        "nft",
                        "-f",
                        "-")
                .orFail();
        String sysctl = "net.netfilter.nf_conntrack_tcp_timeout_close_wait";
        lab.sysctl(sysctl, "45");
        assertEquals("warning", severity("conntrack.close-wait"));
        lab.sysctl(sysctl, "60");
        assertEquals("note", severity("conntrack.close-wait"));
        assertTrue(Program.run("doctor", "--fix").out().contains("# sysctl -w " + sysctl + "=3600\n"));
        assertEquals(
                "60\n",
                Run.command("cat", "/proc/sys/" + sysctl.replace('.', '/')).orFail());
        lab.sysctl(sysctl, "3600");
        assertFalse(ids(Program.run("doctor", "-o", "json")).contains("conntrack.close-wait"));
    }

    @ParameterizedTest
    @ValueSource(strings = {"LEGACY", "NFT"})
    void another_mesh_is_named_in_each_flavour_of_iptables(String flavour) {
        Iptables.valueOf(flavour)
                .restore4("*nat\n:PROXY_INIT_OUTPUT - [0:0]\n-A OUTPUT -j PROXY_INIT_OUTPUT\nCOMMIT\n");
        Outcome outcome = Program.run("doctor");
        assertEquals(7, outcome.exit(), outcome.out());
        assertTrue(outcome.out().contains("problem  Linkerd has rules here: chain PROXY_INIT_OUTPUT"), outcome.out());
    }

    @Test
    void the_ipv6_half_of_another_mesh_is_found_too() {
        Iptables.LEGACY.restore6("*nat\n:ISTIO_OUTPUT - [0:0]\nCOMMIT\n");
        assertTrue(ids(Program.run("doctor", "-o", "json")).contains("rules.istio"));
    }

    @Test
    void neighbours_that_go_their_own_way_are_named_and_no_warning(Lab lab) {
        lab.nft().apply("""
                table inet firewalld { chain filter_OUTPUT { type filter hook output priority 10; }; }
                table ip kube-proxy { chain services { }; }
                table inet netavark { chain NETAVARK-HOSTPORT-DNAT { }; }
                """);
        Iptables.NFT.restore4("*nat\n:DOCKER - [0:0]\n-A OUTPUT -j DOCKER\n:LIBVIRT_PRT - [0:0]\nCOMMIT\n");
        Iptables.LEGACY.restore4("*mangle\n:CILIUM_PRE_mangle - [0:0]\nCOMMIT\n");
        Outcome outcome = Program.must(0, Program.run("doctor", "-o", "json"));
        assertTrue(outcome.out().contains("iptables-nft has tables here: ip nat"), outcome.out());
        assertTrue(
                outcome.out().matches("(?s).*installed: iptables v\\S+ \\(nf_tables\\), iptables v\\S+ \\(legacy\\).*"),
                outcome.out());
        for (String owner : List.of("firewalld", "kube-proxy", "podman", "docker", "libvirt", "cilium")) {
            assertTrue(ids(outcome).contains("rules." + owner), () -> owner + " in " + outcome.out());
        }
    }

    @Test
    void resolver_of_systemd_and_sockets_bound_to_an_interface_are_told(Lab lab) {
        lab.file("/etc/resolv.conf", "nameserver 127.0.0.53\noptions edns0 trust-ad\n");
        lab.serverOnEveryPort();
        String device = Run.command("sh", "-c", "ip route get 10.99.0.1 | sed -n 's/.* dev \\([^ ]*\\).*/\\1/p'")
                .orFail()
                .strip();
        Background bound = lab.background(
                "python3",
                "-c",
                "import socket, time; s = socket.socket(); s.setsockopt(socket.SOL_SOCKET, 25, b'" + device + "');"
                        + " s.connect(('10.99.0.1', 80)); print('connected', flush=True); time.sleep(60)");
        bound.awaitOutput("connected", Duration.ofSeconds(10));
        Outcome outcome = Program.must(0, Program.run("doctor", "-o", "json"));
        bound.stop();
        assertTrue(outcome.out().contains("127.0.0.53 (systemd-resolved)"), outcome.out());
        assertTrue(ids(outcome).contains("sockets.bound-to-device"), outcome.out());
    }

    @Test
    void a_chain_that_takes_connections_before_ours_is_a_conflict(Lab lab) {
        lab.nft().apply("""
                add table ip early
                add chain ip early c { type nat hook output priority -150; }
                add rule ip early c tcp dport 80 redirect to :9
                """);
        Outcome outcome = Program.run("doctor", "-o", "json");
        assertEquals(7, outcome.exit());
        assertTrue(ids(outcome).contains("rules.shadow"), outcome.out());
    }

    @ParameterizedTest
    @CsvSource({
        "auto, nftables: the kernel and libnftables have it",
        "iptables, iptables-nft: no rules of others are in tables of iptables-legacy",
        "iptables-legacy, iptables-legacy: the plan asks for it"
    })
    void what_capture_is_written_with_is_told_and_why(String asked, String told, Lab lab) {
        lab.proxy(15001);
        String plan = Program.ENVOY + "backend: " + asked + "\nservices: {any: {}}\n";
        for (int i = 0; i < 2; i++) {
            Outcome outcome = Program.must(0, Program.withPlan(plan, "doctor"));
            String captures = i == 1 && asked.equals("iptables") ? "iptables-nft: it captures here already" : told;
            assertTrue(outcome.out().contains("  ok       capture is written with " + captures + "\n"), outcome::out);
            Program.apply(plan);
        }
        String other = Program.ENVOY + "backend: iptables-nft\nservices: {any: {}}\n";
        if (!asked.equals("iptables")) {
            String outcome = Program.must(0, Program.withPlan(other, "doctor")).out();
            assertTrue(outcome.contains("what is captured here was written with " + told.split(":", 2)[0]), outcome);
            assertTrue(outcome.contains("apply moves it there, and its connections go on"), outcome);
        }
    }

    @Test
    void without_libnftables_iptables_does_and_another_mesh_is_found_all_the_same(Lab lab) {
        String library = Run.command("sh", "-c", "realpath /usr/lib/*/libnftables.so.1")
                .orFail()
                .strip();
        lab.file(library, "");
        Run.Result well = Run.command(Program.DISTRIBUTION, "doctor");
        assertEquals(0, well.exit(), well.out());
        assertTrue(well.out().contains("  warning  libnftables.so.1 cannot be loaded"), well.out());
        assertTrue(well.out().contains("capture is written with iptables-nft instead"), well.out());
        Iptables.NFT.restore4("*nat\n:ISTIO_OUTPUT - [0:0]\n-A OUTPUT -j ISTIO_OUTPUT\nCOMMIT\n");
        Run.Result meshed = Run.command(Program.DISTRIBUTION, "doctor");
        assertEquals(7, meshed.exit(), meshed.out());
        assertTrue(meshed.out().contains("problem  Istio has rules here: chain ISTIO_OUTPUT"), meshed.out());
    }

    @Test
    void backend_that_lacks_its_programs_is_told(Lab lab) throws IOException {
        Replaced.programs("", "iptables-legacy-restore", "iptables-legacy-save", "iptables-restore", "iptables-save");
        Outcome outcome = Program.withPlan(Program.ENVOY + "backend: iptables-legacy\nservices: {any: {}}\n", "doctor");
        assertEquals(4, outcome.exit(), outcome.out());
        assertTrue(
                outcome.out().contains("the backend iptables-legacy needs the program iptables-legacy-"), outcome::out);
    }

    @ParameterizedTest
    @EnumSource
    void rule_before_those_of_iptables_is_a_conflict_with_the_mend(Iptables flavour, Lab lab) {
        lab.proxy(15001);
        String plan = Program.ENVOY + "backend: iptables-" + flavour.name().toLowerCase(Locale.ROOT)
                + "\nservices: {any: {}}\n";
        Program.apply(plan);
        flavour.restore6("*nat\n-I OUTPUT -p tcp --dport 80 -j ACCEPT\nCOMMIT\n");
        Outcome outcome = Program.withPlan(plan, "doctor");
        assertEquals(7, outcome.exit(), outcome.out());
        assertTrue(outcome.out().contains("problem  IPv6 table nat chain OUTPUT"), outcome::out);
        assertTrue(outcome.out().contains("apply puts ours before it"), outcome::out);
        Program.apply(plan);
        Program.must(0, Program.withPlan(plan, "doctor"));
    }

    @Test
    void loopback_that_is_down_is_mended_by_what_fix_prints() {
        Run.command("ip", "link", "set", "lo", "down").orFail();
        assertEquals(7, Program.run("doctor").exit());
        List<String> commands = Program.run("doctor", "--fix")
                .out()
                .lines()
                .filter(line -> !line.startsWith("#"))
                .toList();
        assertEquals(List.of("ip link set lo up"), commands);
        Run.command("sh", "-euc", String.join("\n", commands)).orFail();
        assertEquals(0, Program.run("doctor").exit());
    }

    @Test
    void ipv6_without_a_loopback_is_a_warning(Lab lab) {
        lab.sysctl("net.ipv6.conf.lo.disable_ipv6", "1");
        assertEquals("warning", severity("addresses.no-ipv6-loopback"));
    }

    @Test
    void envoy_that_is_not_there_is_a_problem_once_something_is_captured(Lab lab) {
        Program.apply(Program.ANY);
        Outcome captured = Program.withPlan(Program.ANY, "doctor");
        assertEquals(7, captured.exit(), captured.out());
        assertTrue(captured.out().contains("  problem  nobody listens on 127.0.0.1:15001"), captured.out());
    }

    @Test
    void plan_that_fits_has_no_finding_and_one_whose_envoy_is_not_there_has(Lab lab) {
        Outcome alone = Program.withPlan(Program.ANY, "doctor", "-o", "json");
        assertEquals(0, alone.exit(), alone.out());
        assertTrue(ids(alone).contains("plan.nobody-listens"));
        lab.proxy(15001);
        Outcome together = Program.withPlan(Program.ANY, "doctor", "-o", "json");
        assertEquals(
                List.of(),
                ids(together).stream().filter(id -> id.startsWith("plan.")).toList());
    }

    @Test
    void listener_of_a_stranger_and_a_process_that_runs_as_envoy_are_named(Lab lab) {
        lab.proxyAt(Identity.APPLICATION, "127.0.0.1:15001", "[::1]:15001");
        Outcome outcome = Program.withPlan(Program.ANY, "doctor", "-o", "json");
        assertEquals(7, outcome.exit());
        assertTrue(ids(outcome).contains("plan.listener-of-stranger"), outcome.out());
        Background like =
                lab.background("setpriv", "--reuid=1337", "--clear-groups", "sh", "-c", "echo up; sleep 60; :");
        like.awaitOutput("up", Duration.ofSeconds(10));
        Outcome both = Program.withPlan(Program.ANY, "doctor", "-o", "json");
        assertTrue(ids(both).contains("plan.escapes"), both.out());
        assertTrue(both.out().contains("run as Envoy's user or group and are not Envoy: "), both.out());
        assertTrue(both.out().contains("\"mend\": \"give them a user of their own\""), both.out());
    }

    @Test
    void unknown_user_and_plan_that_cannot_be_read_are_findings_beside_the_others() {
        Outcome unknown = Program.withPlan(
                Program.ENVOY + "services: {a: {from: {user: nobody-of-that-name}}}\n", "doctor", "-o", "json");
        assertEquals(2, unknown.exit(), unknown.out());
        assertTrue(ids(unknown).contains("plan.refused"), unknown.out());
        Outcome broken = Program.withPlan("version: 1\nenvoi: {}\n", "doctor", "-o", "json");
        assertEquals(2, broken.exit(), broken.out());
        assertTrue(ids(broken).contains("plan.unreadable"), broken.out());
        assertTrue(ids(broken).contains("kernel.features"), broken.out());
    }

    @Test
    void dns_listener_on_all_addresses_is_a_problem_of_the_plan(Lab lab) {
        lab.proxy(15001);
        lab.udpProxyAt(Identity.ENVOY, "0.0.0.0:15053");
        lab.proxyAt(Identity.ENVOY, "127.0.0.1:15053");
        Outcome outcome = Program.withPlan(
                "version: 1\nenvoy: {user: 1337, dns: 15053}\nipv6: bypass\nservices: {any: {}}\n",
                "doctor",
                "-o",
                "json");
        assertEquals(7, outcome.exit(), outcome.out());
        assertTrue(ids(outcome).contains("plan.listener-address"), outcome.out());
    }

    /** Needs no privilege for what it can see, and says what it could not. */
    @Test
    void user_without_privileges_is_told_what_was_not_looked_at() {
        String built = System.getProperty("meshcapture.distribution", "target/meshcapture");
        Run.command("mount", "--bind", Path.of(built).toAbsolutePath().toString(), "/mnt")
                .orFail();
        Run.Result result = Run.command(
                "setpriv", "--reuid=1000", "--regid=1000", "--clear-groups", "/mnt/bin/meshcapture", "doctor");
        assertEquals(0, result.exit(), result.out() + result.err());
        assertTrue(result.out().contains("this is not root: rules of others were not looked at"), result.out());
        assertTrue(result.out().contains("features work, tried in a network namespace of their own"), result.out());
        Run.command("mount", "--bind", "/dev/null", "/usr/bin/unshare").orFail();
        Run.Result without = Run.command(
                "setpriv", "--reuid=1000", "--regid=1000", "--clear-groups", "/mnt/bin/meshcapture", "doctor");
        assertEquals(0, without.exit(), without.out() + without.err());
        assertTrue(without.out().contains("the kernel's features were not tried"), without.out());
    }

    private static String severity(String id) {
        for (JsonObject finding : findings(Program.run("doctor", "-o", "json"))) {
            if (finding.get("id").getAsString().equals(id)) {
                return finding.get("severity").getAsString();
            }
        }
        return "";
    }

    private static List<String> ids(Outcome outcome) {
        return findings(outcome).stream()
                .map(one -> one.get("id").getAsString())
                .toList();
    }

    private static List<JsonObject> findings(Outcome outcome) {
        List<JsonObject> findings = new ArrayList<>();
        for (JsonElement one :
                new Gson().fromJson(outcome.out(), JsonObject.class).getAsJsonArray("findings")) {
            findings.add(one.getAsJsonObject());
        }
        return findings;
    }
}
