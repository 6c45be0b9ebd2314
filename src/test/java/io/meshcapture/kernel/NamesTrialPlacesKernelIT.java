package io.meshcapture.kernel;

import static io.meshcapture.kernel.HostsCommands.HOSTS;
import static io.meshcapture.kernel.HostsCommands.PLAN;
import static io.meshcapture.kernel.HostsCommands.STATE;
import static io.meshcapture.kernel.HostsCommands.content;
import static io.meshcapture.kernel.HostsCommands.run;
import static io.meshcapture.kernel.HostsCommands.with;
import static io.meshcapture.kernel.Program.ENVOY;
import static io.meshcapture.kernel.Program.must;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.meshcapture.lab.Await;
import io.meshcapture.lab.Background;
import io.meshcapture.lab.Identity;
import io.meshcapture.lab.InNetns;
import io.meshcapture.lab.Lab;
import io.meshcapture.lab.Run;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Trials of names beside those of rules, in this namespace and in others: each ends what is its own, in its own time. */
@InNetns
class NamesTrialPlacesKernelIT {
    private static final String BEFORE = "127.0.0.1 localhost\n10.0.0.9 db";
    private static final Duration LIMIT = Duration.ofSeconds(20);
    private static final String RULES = ENVOY + "backend: iptables-nft\nservices: {ledger: {from: {user: 1001}}}\n";

    @BeforeEach
    void cover(Lab lab) {
        lab.file("/etc/hosts", BEFORE);
    }

    private static void awaitContent(Path hosts) {
        Await.until(LIMIT, "the trial of " + hosts + " to end", () -> {
            try {
                return Files.readString(hosts).equals(BEFORE);
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        });
    }

    private static boolean isOnTrial() {
        return run("status").out().contains("on trial: ends by itself in");
    }

    /** Waiting takes none of a trial's time: that begins with the names. */
    @Test
    void names_wait_until_envoy_listens_on_their_addresses_and_only_then_their_trial_begins(Lab lab) throws Exception {
        String env = must(0, with(PLAN, "env")).out();
        Background apply = lab.background(
                "sh",
                "-c",
                "printf '%s' \"$1\" | " + Program.DISTRIBUTION
                        + " apply -f - --confirm-within 1h --wait-envoy 20s --state-dir " + STATE,
                "sh",
                PLAN);
        apply.awaitError("waiting for Envoy, which did not listen on 127.66.", LIMIT);
        assertEquals(BEFORE, content());
        assertFalse(Files.exists(STATE), "nothing is remembered yet");
        Matcher variables = Pattern.compile("_HOST=(\\S+)\\s+\\S+_PORT=(\\d+)").matcher(env);
        lab.proxyAt(
                Identity.ENVOY,
                variables
                        .results()
                        .map(found -> found.group(1) + ":" + found.group(2))
                        .toArray(String[]::new));
        StandingBy guard = StandingBy.said(apply.await(LIMIT).err());
        assertTrue(isOnTrial());
        must(0, run("rollback", "--trial"));
        guard.awaitGone();
        assertEquals(BEFORE, content());
    }

    @Test
    void rules_that_are_tried_while_names_are_end_with_them() throws Exception {
        String both = PLAN + "  ledger: {from: {user: 1001}}\nbackend: iptables-nft\n";
        StandingBy first = StandingBy.of(with(both, "apply", "orders", "--confirm-within", "1h"));
        assertTrue(must(7, with(both, "apply", "ledger")).err().contains("a trial is running"));
        StandingBy second = StandingBy.of(with(both, "apply", "ledger", "--confirm-within", "1s"));
        first.awaitGone();
        awaitContent(HOSTS);
        second.awaitGone();
        assertTrue(run("status").out().contains("nothing is captured"));
    }

    @Test
    void names_that_are_refused_beside_a_trial_of_rules_leave_it_its_time_and_who_ends_it() throws Exception {
        StandingBy.of(with(RULES, "apply", "--confirm-within", "2s"));
        String other = PLAN + "  ledger: {from: {user: 1002}}\nbackend: iptables-nft\n";
        assertTrue(must(7, with(other, "apply", "--confirm-within", "1h")).err().contains("another plan is on trial"));
        assertEquals(BEFORE, content());
        Await.until(LIMIT, "the trial to end", () -> run("status").out().contains("nothing is captured"));
    }

    @Test
    void trials_of_another_network_namespace_end_without_those_of_this_one() throws Exception {
        for (String command : List.of(
                "mkdir /run/upper /run/work",
                "mount -t overlay overlay -o lowerdir=/etc,upperdir=/run/upper,workdir=/run/work /etc",
                "mkdir -p /etc/netns/elsewhere",
                "ip netns add elsewhere")) {
            Run.command("sh", "-c", command).orFail();
        }
        Files.writeString(HOSTS, BEFORE);
        Path theirs = Files.writeString(Path.of("/etc/netns/elsewhere/hosts"), BEFORE);
        StandingBy here = StandingBy.of(with(PLAN, "apply", "--confirm-within", "1h"));
        StandingBy there = StandingBy.of(with(RULES, "apply", "--netns", "elsewhere", "--confirm-within", "1s"));
        there.awaitGone();
        assertTrue(run("status", "--netns", "elsewhere").out().contains("nothing is captured"));
        there = StandingBy.of(with(PLAN, "apply", "--netns", "elsewhere", "--confirm-within", "1s"));
        assertTrue(Files.readString(theirs).contains(" orders # meshcapture"));
        awaitContent(theirs);
        there.awaitGone();
        assertTrue(isOnTrial() && here.isRunning());
        // the same path and state directory, and another file
        for (String command : List.of("rollback --all", "confirm", "rollback --trial")) {
            Run.Result said = inside("elsewhere", command);
            assertTrue(isOnTrial() && here.isRunning(), () -> command + ": " + said);
        }
        there = StandingBy.said(
                inside("elsewhere", "apply -f - --confirm-within 1s").err());
        awaitContent(theirs);
        there.awaitGone();
        assertTrue(isOnTrial() && here.isRunning());
        must(0, run("rollback", "--trial"));
        assertEquals(BEFORE, content());
        here.awaitGone();
    }

    /** Below {@code ip netns exec}, which mounts the namespace's hosts file over the machine's. */
    private static Run.Result inside(String namespace, String command) {
        String program = "exec " + Program.DISTRIBUTION + " --state-dir " + STATE + " " + command;
        return Run.command(PLAN, Map.of(), Run.LIMIT, List.of("ip", "netns", "exec", namespace, "sh", "-c", program));
    }

    /** As where containers of a pod share the network namespace, and one of them may not change its rules. */
    @Test
    void whoever_may_not_end_a_trial_of_rules_does_not_send_away_who_can() throws Exception {
        StandingBy ofRules = StandingBy.of(with(RULES, "apply", "--confirm-within", "1h"));
        Run.Result names = Run.command(
                PLAN,
                Map.of(),
                Run.LIMIT,
                List.of(
                        "setpriv",
                        "--bounding-set",
                        "-net_admin",
                        "--inh-caps",
                        "-net_admin",
                        Program.DISTRIBUTION,
                        "apply",
                        "-f",
                        "-",
                        "--confirm-within",
                        "1s",
                        "--state-dir",
                        STATE.toString()));
        StandingBy ofNames = StandingBy.said(names.err());
        assertTrue(content().contains(" orders # meshcapture"));
        awaitContent(HOSTS);
        ofNames.awaitGone();
        assertTrue(ofRules.isRunning() && isOnTrial());
        assertEquals("confirmed: ledger\n", must(0, run("confirm")).out());
        ofRules.awaitGone();
    }

    @Test
    void systemd_ends_it_where_it_runs(Lab lab) throws Exception {
        Systemd systemd = Systemd.started(lab);
        String program = "exec " + Program.DISTRIBUTION + " --state-dir /run/state ";
        String apply = program + "apply -f - --confirm-within ";
        String said = systemd.run(PLAN, "sh", "-c", apply + "1s 2>&1").orFail();
        assertTrue(said.contains("systemd's timer meshcapture-trial does"), said);
        assertTrue(content().contains(" orders # meshcapture"));
        awaitContent(HOSTS);
        systemd.run(PLAN, "sh", "-c", apply + "1h").orFail();
        assertTrue(systemd.timers().contains("meshcapture-trial.timer"));
        systemd.run("", "sh", "-c", program + "confirm").orFail();
        assertFalse(systemd.timers().contains("meshcapture-trial.timer"));
        assertTrue(content().contains(" orders # meshcapture"));
    }
}
