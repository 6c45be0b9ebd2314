package io.meshcapture.kernel;

import static io.meshcapture.kernel.HostsCommands.PLAN;
import static io.meshcapture.kernel.HostsCommands.content;
import static io.meshcapture.kernel.HostsCommands.rollback;
import static io.meshcapture.kernel.HostsCommands.with;
import static io.meshcapture.kernel.Program.must;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.meshcapture.lab.Background;
import io.meshcapture.lab.InNetns;
import io.meshcapture.lab.Lab;
import io.meshcapture.lab.Meshcapture.Outcome;
import io.meshcapture.lab.Run;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Names for processes that read another hosts file than this host's own ({@code --netns PID}). */
@InNetns
class HostsElsewhereKernelIT {
    private static final String BEFORE = "127.0.0.1\tlocalhost\n10.0.0.9 db db.internal # theirs\r\n";

    @BeforeEach
    void cover(Lab lab) {
        lab.file("/etc/hosts", BEFORE);
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
        must(0, with(PLAN, "apply", "--netns", netns));
        assertEquals(BEFORE, content());
        String written = Files.readString(Path.of("/run/theirs"));
        assertTrue(written.startsWith(BEFORE) && written.contains(" orders # meshcapture svc=orders "), written);
        Outcome check = Program.mustStand(with(PLAN, "check", "--netns", netns));
        assertTrue(check.err().contains("names were not looked up"), check.err());
        assertEquals(
                written.lines().skip(2).findFirst().orElseThrow().split(" ", 2)[0],
                Run.command("nsenter", "-t", netns, "-m", "getent", "ahostsv4", "orders")
                        .orFail()
                        .split(" ", 2)[0]);
        Run.command("nsenter", "-t", netns, "-m", "mount", "--bind", "/run/theirs-nsswitch", "/etc/nsswitch.conf")
                .orFail();
        assertTrue(must(3, with(PLAN, "check", "--netns", netns)).out().contains("/etc/nsswitch.conf"));
        Outcome trial = must(
                4, with(PLAN.replace("orders.internal", "o"), "apply", "--netns", netns, "--confirm-within", "9s"));
        assertTrue(trial.err().contains("cannot be put on trial"), trial.err());
        Files.writeString(Path.of("/run/theirs"), "10.1.1.1 orders\n", StandardOpenOption.APPEND);
        assertTrue(must(3, with(PLAN, "check", "--netns", netns)).out().contains(theirs + " line 9"));
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
            Outcome refused = with(PLAN, "apply", "--netns", netns);
            assertTrue(refused.exit() == 4 || refused.exit() == 7, refused.err() + refused.out());
            assertEquals(BEFORE, content(), prepare);
        }
    }

    @Test
    void whose_hosts_file_is_not_known_or_not_theirs_alone_is_told(Lab lab) throws Exception {
        String pid = Long.toString(elsewhere(lab, ":").pid());
        String shared = must(4, with(PLAN, "apply", "--netns", pid)).err();
        assertTrue(
                shared.contains("the hosts file of process " + pid + " cannot be edited for it alone; it is "), shared);
        Files.createFile(Path.of("/run/there"));
        Run.command("mount", "--bind", "/proc/" + pid + "/ns/net", "/run/there").orFail();
        String unknown = must(4, with(PLAN, "apply", "--netns", "/run/there")).err();
        assertTrue(
                unknown.contains(" network namespace /run/there read is not edited from here; hosts files "), unknown);
    }

    @Test
    void a_copy_of_the_hosts_file_is_made_for_others_and_anew_when_that_has_changed(Lab lab) throws Exception {
        Path copy = Path.of("/run/copy");
        String[] there = {"--hosts-file", copy.toString()};
        must(0, with(PLAN, "apply", there));
        assertEquals(BEFORE, content());
        String made = Files.readString(copy);
        assertTrue(made.startsWith("# A copy of /etc/hosts, by meshcapture.\n" + BEFORE), made);
        assertTrue(made.contains(" orders # meshcapture svc=orders "), made);
        Outcome check = Program.mustStand(with(PLAN, "check", there));
        assertTrue(check.err().contains("names were not looked up"), check.err());
        assertTrue(must(0, with(PLAN, "apply", there)).out().startsWith("in sync"));
        assertEquals(made, Files.readString(copy));

        lab.file("/etc/hosts", BEFORE.replace("10.0.0.9", "10.0.0.10"));
        must(0, with(PLAN, "apply", there));
        assertEquals(made.replace("10.0.0.9", "10.0.0.10"), Files.readString(copy));
        must(0, rollback("--all", "--hosts-file", copy.toString()));
        assertTrue(Files.readString(copy).endsWith("10.0.0.10 db db.internal # theirs\r\n"));

        Files.writeString(copy, "192.0.2.7 somebody\n");
        must(0, with(PLAN, "apply", there));
        assertTrue(Files.readString(copy).startsWith("192.0.2.7 somebody\n127.66."), "a file of somebody's own");
        assertEquals(
                4, with(PLAN, "apply", "--hosts-file", "/run/nowhere/hosts").exit());
        Outcome none = must(0, with(PLAN, "apply", "--hosts-file", "none"));
        assertTrue(none.err().contains("nothing to apply"), none.err());
        assertEquals(
                "in sync: 2 services\n",
                must(0, with(PLAN, "check", "--hosts-file", "none")).out());
    }

    /** Others write the names; here stands what their connections need. */
    @Test
    void names_that_stand_elsewhere_are_redirected_all_the_same() throws Exception {
        String redirected = PLAN.replace("hosts-ports: listeners\n", "");
        String[] none = {"--hosts-file", "none"};
        String env = must(0, with(redirected, "env", none)).out();
        String address = env.lines()
                .filter(line -> line.startsWith("ORDERS_SERVICE_HOST="))
                .map(line -> line.replaceAll("[^0-9.]", ""))
                .findFirst()
                .orElseThrow();
        assertTrue(address.startsWith("127.66."), env);
        String rules = must(0, with(redirected, "render", none)).out();
        assertTrue(rules.contains(address), rules);
        String envoy = must(0, with(redirected, "envoy-config", none)).out();
        assertTrue(envoy.contains("15001"), envoy);
        must(0, with(redirected, "apply", none));
        String live = Run.command("nft", "list", "ruleset").orFail();
        assertTrue(live.contains(address), live);
        Program.mustStand(with(redirected, "check", none));
        assertTrue(must(0, with(redirected, "apply", none)).out().startsWith("in sync"));
        must(0, rollback("--all", "--hosts-file", "none"));
        assertEquals(BEFORE, content());
    }
}
