package io.meshcapture.kernel;

import static io.meshcapture.kernel.Program.ANY;
import static io.meshcapture.kernel.Program.ENVOY;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.meshcapture.lab.InNetns;
import io.meshcapture.lab.Lab;
import io.meshcapture.lab.Meshcapture.Outcome;
import io.meshcapture.lab.Run;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;

/** What commands say of rules that somebody has changed, and of callers that are not there. */
@InNetns
class MessagesKernelIT {
    private static final String FOREIGN = "10.0.0.1:80";

    private static void assertSaid(int exit, String said, Outcome outcome) {
        Program.must(exit, outcome);
        assertTrue(outcome.err().contains(said), outcome.err());
    }

    @Test
    void rules_that_somebody_has_changed_are_not_explained(Lab lab) {
        lab.proxy(15001);
        Program.apply(ANY);
        lab.nft().apply("add rule inet meshcapture outbound tcp dport 80 log");
        assertSaid(7, "the live table holds a rule that meshcapture did not write", live());
        Program.apply(ANY);
        Program.rollback("--all");
        Program.apply(ENVOY + "services: {any: {from: {user: 1001}, except: [\":22\"]}}\n");
        lab.nft().apply("add element inet meshcapture user_2_ip { 1003 . 0.0.0.0/0 . 80 comment \"x y z\" : drop }");
        assertSaid(7, "the live table holds an element that meshcapture did not write", live());
        lab.nft().apply("add table inet meshcapture { flags dormant; }");
        assertSaid(
                7,
                "the live table was changed by hand, so that nothing can be tried beside it",
                Program.withPlan(ANY, "apply", "--confirm-within", "60s"));
        Program.apply(ANY);
        lab.nft().apply("flush chain inet meshcapture outbound");
        assertSaid(7, "what stands was changed by hand", live());
        Program.apply(ANY + "backend: iptables-legacy\n");
        String theirs = "-m owner --uid-owner 1-5 -m comment --comment 'any, look-up 2' -j RETURN";
        Run.command("sh", "-c", "iptables-legacy -t nat -A MESHCAPTURE_OUTPUT " + theirs)
                .orFail();
        assertSaid(7, "the live chains hold a rule that meshcapture did not write", live());
    }

    private static Outcome live() {
        return Program.run("explain", FOREIGN, "--live");
    }

    @Test
    void callers_that_are_not_there_are_named(Lab lab) {
        lab.proxy(15001);
        assertSaid(
                2,
                "cgroup \"/nowhere.slice\" does not exist on this host",
                Program.withPlan(ENVOY + "services: {a: {from: {cgroup: /nowhere.slice}}}\n", "apply"));
        assertSaid(
                2,
                "unit \"nowhere.service\" has no control group on this host",
                Program.withPlan(ENVOY + "services: {a: {from: {unit: nowhere.service}}}\n", "apply"));
    }

    @Test
    void hosts_file_that_needs_a_person_is_left_to_one(Lab lab) throws IOException {
        Path hosts = lab.file("/etc/hosts", "127.0.0.1 localhost\n10.0.0.5 shop\n");
        String plan = ENVOY + "services: {shop: {hosts: [shop], ports: {80: 15001}}}\n";
        String state = "--state-dir=" + Files.createTempDirectory("meshcapture-messages");
        lab.proxy(15001);
        assertSaid(
                7,
                "a line stands in the way of what the plan captures by name",
                Program.withPlan(plan, "apply", state));
        Files.writeString(hosts, "127.0.0.1 localhost\n");
        Program.apply(plan, state);
        Files.writeString(hosts, Files.readString(hosts).replaceFirst("127[.]66[.][0-9.]+", "127.66.9.9"));
        assertSaid(7, "a line of ours was edited by hand, and stays", Program.run("rollback", "--all", state));
    }

    @Test
    void what_this_version_has_not_is_refused(Lab lab) {
        assertSaid(
                4,
                "is not built into this version; the plan asks for it",
                Program.withPlan(ENVOY + "services: {any: {on-envoy-down: open}}\n", "apply"));
    }
}
