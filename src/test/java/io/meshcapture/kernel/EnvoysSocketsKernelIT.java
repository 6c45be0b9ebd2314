package io.meshcapture.kernel;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.meshcapture.lab.Background;
import io.meshcapture.lab.Identity;
import io.meshcapture.lab.InNetns;
import io.meshcapture.lab.InNetns.Families;
import io.meshcapture.lab.Lab;
import io.meshcapture.lab.Meshcapture.Outcome;
import io.meshcapture.lab.RealEnvoy;
import io.meshcapture.lab.Run;
import java.time.Duration;
import org.junit.jupiter.api.Test;

/** Envoy that is not there, or cannot listen where the plan needs it: the real one is stopped, unprivileged, or too late. */
@InNetns
class EnvoysSocketsKernelIT {
    private static final Duration LIMIT = Duration.ofSeconds(20);
    private static final String PLAN = """
            version: 1
            envoy: {user: 1337, admin: 127.0.0.1:9901}
            services: {any: {}}
            """;
    private static final String LOW = PLAN.replace("{user: 1337,", "{user: 1337, outbound: 443,");
    private static final String CAPABILITY =
            ", with the capability CAP_NET_BIND_SERVICE, without which the kernel refuses it ports below 1024";

    private static Outcome printed(String plan, String... more) {
        return Program.must(0, Program.withPlan(plan, "envoy-config", more));
    }

    /** A program of the application's user. */
    private static Background other(Lab lab, String address, int port) {
        Background other = lab.background(Identity.APPLICATION.setpriv(
                "/usr/bin/python3",
                "-c",
                "import signal, socket; s = socket.create_server(('" + address + "', " + port
                        + ")); print('ready', flush=True); signal.pause()"));
        other.awaitOutput("ready", LIMIT);
        return other;
    }

    @Test
    void while_envoy_is_down_the_plan_stands_and_check_says_that_it_breaks(Lab lab) {
        RealEnvoy envoy = RealEnvoy.started(lab, Identity.ENVOY, printed(PLAN).out());
        Program.apply(PLAN);
        assertEquals(
                "in sync: 1 service\n", Program.must(0, Program.check(PLAN)).out());
        envoy.kill();
        Outcome check = Program.must(3, Program.check(PLAN));
        assertEquals("""
                broken: nobody listens on 127.0.0.1:15001, [::1]:15001, so captured connections fail; start Envoy
                in place, but Envoy does not take it as it should, see above: 1 service
                """, check.out());
        String json = Program.must(3, Program.check(PLAN, "-o", "json")).out();
        assertTrue(json.contains("\"inSync\": true") && json.contains("\"faults\": [\n    \"nobody listens"), json);
        RealEnvoy.started(lab, Identity.ENVOY, printed(PLAN).out());
        Program.must(0, Program.check(PLAN));
    }

    @Test
    void port_that_takes_a_privilege_which_envoy_lacks_is_told_before_and_after(Lab lab) {
        Outcome config = printed(LOW);
        assertTrue(
                config.err().contains("Envoy needs the capability CAP_NET_BIND_SERVICE for ports below 1024: 443;"),
                config::err);
        RealEnvoy.startingUnprivileged(lab, Identity.ENVOY, config.out()).awaitError("Permission denied");
        Outcome applied = Program.apply(LOW);
        assertTrue(
                applied.err()
                        .contains("nobody listens on 127.0.0.1:443, [::1]:443, so captured connections fail until"
                                + " Envoy does; start it" + CAPABILITY),
                applied::err);
        Outcome check = Program.must(3, Program.check(LOW));
        assertTrue(check.out().contains("captured connections fail; start Envoy" + CAPABILITY + "\n"), check::out);
        Outcome doctor = Program.withPlan(LOW, "doctor");
        assertTrue(doctor.out().contains("CAP_NET_BIND_SERVICE"), doctor::out);

        lab.sysctl("net.ipv4.ip_unprivileged_port_start", "443");
        Outcome free = printed(LOW);
        assertFalse(free.err().contains("CAP_NET_BIND_SERVICE") || free.out().contains("CAP_NET_BIND"), free::err);
        RealEnvoy.startingUnprivileged(lab, Identity.ENVOY, free.out()).awaitError("starting workers");
        Program.must(0, Program.check(LOW));
    }

    @Test
    void listener_that_envoy_was_given_and_refused_is_told_in_its_words(Lab lab) {
        String[] files = {"--listeners", "/run/lds.yaml", "--clusters", "/run/cds.yaml"};
        RealEnvoy envoy = RealEnvoy.startingUnprivileged(
                lab, Identity.ENVOY, printed(LOW, files).out());
        envoy.awaitError("starting workers");
        Program.apply(LOW);
        Outcome check = Program.must(3, Program.check(LOW));
        assertTrue(check.out().contains("broken: nobody listens on 127.0.0.1:443"), check::out);
        assertTrue(
                check.err().contains("Envoy has refused the listener outbound that it was given, because ")
                        && check.err().contains("Permission denied"),
                check::err);
    }

    /** An address that cannot be bound would end Envoy. */
    @Test
    @InNetns(families = Families.IPV4_ONLY)
    void on_a_host_without_ipv6_no_listener_of_it_is_printed_and_envoy_serves(Lab lab) {
        String plan = """
                version: 1
                envoy: {user: 1337, inbound: 15006, dns: 15053, admin: 127.0.0.1:9901}
                ipv6: capture
                services: {any: {}, payments: {hosts: [payments.internal], instances: ["10.99.0.1:80"]}}
                inbound: {except: []}
                dns: {servers: [10.99.0.1]}
                """;
        Outcome config = printed(plan);
        assertFalse(config.out().contains("'::"), config::out);
        assertTrue(
                config.err().contains("this host has no IPv6, and a listener there would end Envoy: none is printed"),
                config::err);
        Outcome ofItsAdmin = printed(plan.replace("127.0.0.1:9901", "\"[::1]:9901\""));
        assertFalse(ofItsAdmin.out().contains("admin:"), ofItsAdmin::out);
        assertTrue(
                ofItsAdmin
                        .err()
                        .contains(
                                "this host has no IPv6, and an admin interface at [::1]:9901 would end Envoy: none is printed"),
                ofItsAdmin::err);
        RealEnvoy.started(lab, Identity.ENVOY, config.out());
        String applied = plan.replace(", payments: {hosts: [payments.internal], instances: [\"10.99.0.1:80\"]}", "");
        Program.apply(applied, "--wait-envoy", "10s");
        Program.must(0, Program.check(applied));
    }

    @Test
    void program_that_has_the_port_of_a_listener_is_named_and_nothing_is_captured_to_it(Lab lab) {
        Background other = other(lab, "127.0.0.1", 15001);
        String who = "uid 1000, process " + other.pid() + " (python3)";
        Outcome config = printed(PLAN);
        assertTrue(
                config.err()
                        .contains("port 15001, on which Envoy is to listen, is taken here by " + who
                                + ", so that Envoy would end at its start; end that program, or have it or Envoy listen on"
                                + " another port"),
                config::err);
        RealEnvoy.starting(lab, Identity.ENVOY, config.out()).awaitError("Address already in use");
        String what = "Envoy's listener 127.0.0.1:15001 belongs to " + who + ", and the plan's envoy.user is 1337";
        String because = "captured connections come to that program instead of Envoy";
        String mend =
                "end that program, or have it or Envoy listen on another port; if it is Envoy, correct envoy.user";
        assertEquals(
                "meshcapture: " + what + "; captured connections would come to that program instead of Envoy; " + mend
                        + "\n",
                Program.must(7, Program.withPlan(PLAN, "apply")).err());
        assertEquals("", lab.nft().list());
        assertTrue(Program.must(7, Program.withPlan(PLAN, "doctor")).out().contains(what));

        other.kill();
        Program.apply(PLAN);
        other = other(lab, "0.0.0.0", 15001);
        Outcome check = Program.must(3, Program.check(PLAN));
        assertTrue(
                check.out()
                        .contains("broken: " + what.replace(who, "uid 1000, process " + other.pid() + " (python3)")
                                + ", so that " + because + "; " + mend + "\n"),
                check::out);
    }

    @Test
    void program_on_all_addresses_would_answer_for_names_without_a_redirect_and_is_named(Lab lab) {
        lab.file("/etc/hosts", "127.0.0.1 localhost\n");
        String plan = """
                version: 1
                envoy: {user: 1337}
                hosts-ports: listeners
                services: {payments: {hosts: [payments.internal], ports: {8080: 8000}}}
                """;
        Background elsewhere = other(lab, "127.0.0.1", 8080);
        assertFalse(printed(plan).err().contains("is taken here by"), "Envoy listens on an address of its own");
        elsewhere.kill();
        Background other = other(lab, "0.0.0.0", 8080);
        assertTrue(
                printed(plan)
                        .err()
                        .contains("port 8080, on which Envoy is to listen, is taken here by uid 1000, process"),
                "that is Envoy's address too");
        Outcome refused = Program.must(7, Program.withPlan(plan, "apply", "--state-dir", "/run/state"));
        assertTrue(
                refused.err()
                        .contains(":8080 belongs to uid 1000, process " + other.pid() + " (python3), and the plan's"),
                refused::err);
        assertEquals("127.0.0.1 localhost\n", Run.command("cat", "/etc/hosts").orFail());
    }
}
