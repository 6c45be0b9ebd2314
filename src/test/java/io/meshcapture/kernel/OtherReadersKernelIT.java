package io.meshcapture.kernel;

import static io.meshcapture.kernel.HostsCommands.PLAN;
import static io.meshcapture.kernel.HostsCommands.address;
import static io.meshcapture.kernel.HostsCommands.rollback;
import static io.meshcapture.kernel.HostsCommands.with;
import static io.meshcapture.kernel.Program.must;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.meshcapture.lab.InNetns;
import io.meshcapture.lab.Lab;
import io.meshcapture.lab.Meshcapture.Outcome;
import io.meshcapture.lab.Run;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Who else reads the hosts file, and what becomes of captured names there: a real dnsmasq, and where Podman is. */
@InNetns
class OtherReadersKernelIT {
    private static final String NAME = "orders.internal";
    private static final String HERE = "127.0.0.1";
    private static final String DOCKER = "answers out of the hosts file, and Docker asks it for containers";
    private static final String RESOLVED = "/usr/local/bin/systemd-resolved";
    private static final String FOR_OTHERS = "10.99.0.2";

    @BeforeEach
    void cover(Lab lab) {
        lab.file("/etc/hosts", "127.0.0.1 localhost\n");
        lab.file("/etc/resolv.conf", "nameserver 127.0.0.1\noptions timeout:1 attempts:1\n");
    }

    private static void assertSaid(String sentence, boolean expected) {
        for (Outcome said : List.of(with(PLAN, "apply"), with(PLAN, "check"), with(PLAN, "doctor"))) {
            String text = (said.out() + said.err()).replaceAll("\\s+", " ");
            assertEquals(expected, text.contains(sentence), text);
        }
    }

    @Test
    void a_name_server_that_reads_the_file_at_its_start_knows_new_names_and_forgets_old_ones_when_it_is_told_to(Lab lab)
            throws Exception {
        Dnsmasq dnsmasq = Dnsmasq.started(lab, List.of(HERE));
        String pid = dnsmasq.pid();
        String notYet = "name server " + pid + " (dnsmasq), which /etc/resolv.conf names, has not read the hosts file";
        assertSaid(notYet, true);
        assertSaid("kill -HUP " + pid, true);
        assertEquals("[]", dnsmasq.answer(NAME));
        dnsmasq.readsAgain(NAME, "[" + address(NAME) + "]");
        assertSaid(notYet, false);
        assertSaid(DOCKER, false);
        Files.createFile(Path.of("/run/docker.sock"));
        assertSaid("name server " + pid + " (dnsmasq) " + DOCKER, true);
        String stale = "name server " + pid + " (dnsmasq) still sends orders";
        String released = must(0, rollback("orders")).err();
        assertTrue(released.contains(stale) && released.contains("kill -HUP " + pid), released);
        dnsmasq.readsAgain(NAME, "[]");
        must(0, with(PLAN, "apply"));
        assertFalse(must(0, rollback("--all")).err().contains(stale));
    }

    @Test
    void a_name_server_that_others_ask_leads_them_to_themselves_unless_it_leaves_the_file_alone(Lab lab)
            throws Exception {
        Dnsmasq dnsmasq = Dnsmasq.started(lab, List.of(HERE, FOR_OTHERS));
        String server = "name server " + dnsmasq.pid() + " (dnsmasq)";
        String sentence = "answers out of the hosts file on " + FOR_OTHERS
                + ": a container, virtual machine or host that asks it for orders";
        assertSaid(server + ", from its next start or SIGHUP on, " + sentence, true);
        String ours = "[" + address(NAME) + "]";
        dnsmasq.readsAgain(NAME, ours);
        assertEquals(ours, lab.inSrv(() -> Dnsmasq.answer(FOR_OTHERS, NAME)));
        assertSaid(server + " " + sentence, true);
        assertSaid("give dnsmasq no-hosts", true);
        dnsmasq.end();
        Dnsmasq.started(lab, List.of(HERE, FOR_OTHERS), "--no-hosts");
        assertSaid("name server", false);
    }

    /** A stand-in by its name alone: what the real one answers of new lines takes it up to two seconds. */
    @Test
    void systemd_resolved_is_known_by_its_settings_since_it_reads_the_file_a_little_later(Lab lab) throws Exception {
        isOverlaid("/usr/local/bin");
        Run.command("cp", "/usr/sbin/dnsmasq", RESOLVED).orFail();
        isOverlaid("/etc");
        cover(lab);
        Files.createFile(Path.of("/run/docker.sock"));
        Dnsmasq.startedAs(RESOLVED, lab, List.of(HERE), "--no-hosts");
        assertSaid("(systemd-resolve) " + DOCKER, true);
        assertSaid("give systemd-resolved ReadEtcHosts=no", true);
        Path conf = Files.createDirectories(Path.of("/etc/systemd/resolved.conf.d"));
        Files.writeString(conf.resolve("hosts.conf"), "[Resolve]\nReadEtcHosts=no\n");
        assertSaid("name server", false);
    }

    @Test
    void where_podman_copies_the_file_into_containers_it_is_said(Lab lab) throws Exception {
        isOverlaid("/usr/local/bin");
        isOverlaid("/etc");
        cover(lab);
        String sentence = "Podman and Buildah copy /etc/hosts into containers";
        assertSaid(sentence, false);
        Run.command("sh", "-c", "touch /usr/local/bin/podman && chmod +x /usr/local/bin/podman")
                .orFail();
        assertSaid(sentence, true);
        assertSaid("write base_hosts_file = \"none\" under [containers]", true);
        Path conf = Files.createDirectories(Path.of("/etc/containers")).resolve("containers.conf");
        Files.writeString(conf, "[containers]\nbase_hosts_file = \"none\"\n");
        assertSaid(sentence, false);
    }

    /** What is written there is seen in this test alone. */
    private static void isOverlaid(String directory) {
        Run.command(
                        "sh",
                        "-c",
                        "mkdir -p /run/over$0/upper /run/over$0/work && mount -t overlay overlay -o"
                                + " lowerdir=$0,upperdir=/run/over$0/upper,workdir=/run/over$0/work $0",
                        directory)
                .orFail();
    }
}
