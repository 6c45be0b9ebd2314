package io.meshcapture.kernel;

import static io.meshcapture.kernel.Program.ENVOY;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.meshcapture.kernel.Killing.Death;
import io.meshcapture.lab.Background;
import io.meshcapture.lab.InNetns;
import io.meshcapture.lab.Lab;
import io.meshcapture.lab.Meshcapture.Outcome;
import io.meshcapture.lab.Run;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What seldom fails, made to fail: a system call, a library, a file system, a right. Each is said in one line, with its mend. */
@InNetns
class RareRefusalsKernelIT {
    private static final int EPERM = 1;
    private static final int EIO = 5;
    private static final int ENOSPC = 28;
    private static final int EOPNOTSUPP = 95;

    private static final String NAMES = ENVOY + "services: {shop: {hosts: [shop.internal], ports: {80: 15001}}}\n";

    @TempDir
    @SuppressWarnings("NullAway.Init")
    private static Path directory;

    private static void assertSaid(int exit, String said, int status, String talk) {
        assertEquals(exit, status, talk);
        assertTrue(talk.contains("meshcapture: " + said), () -> said + " in\n" + talk);
        assertTrue(!talk.contains("a bug in meshcapture"), talk);
    }

    private static void assertSaid(int exit, String said, Death end) {
        assertSaid(exit, said, end.exit(), end.said());
    }

    private static Run.Result apart(String plan, List<String> wrapper, String... words) {
        List<String> command = new ArrayList<>(wrapper);
        command.add(Program.DISTRIBUTION);
        command.addAll(List.of(words));
        return Run.command(plan, Map.of(), Run.LIMIT, command);
    }

    private static void assertSaid(int exit, String said, Run.Result end) {
        assertSaid(exit, said, end.exit(), end.err());
    }

    @Test
    void lock_that_the_kernel_does_not_give() {
        Death end = Killing.in(directory).failingAll("flock", 1, ENOSPC, Program.ANY, List.of("apply", "-f", "-"));
        assertSaid(4, "the lock of the network namespace cannot be had", end);
    }

    @Test
    void namespace_that_cannot_be_made_is_no_reason_for_doctor_to_end(Lab lab) {
        lab.file("/etc/resolv.conf", "nameserver 10.99.0.1\n");
        Death end = Killing.in(directory).failingAll("unshare", 1, ENOSPC, "", List.of("doctor"));
        assertEquals(0, end.exit(), end.said());
        assertTrue(end.said().contains("its features were not tried"), end.said());
        assertTrue(end.said().contains("no network namespace can be made; No space left on device"), end.said());
    }

    @Test
    void sockets_of_a_trace_that_are_refused_one_after_the_other(Lab lab) {
        lab.proxy(15001);
        Program.apply(Program.ANY);
        Killing killing = Killing.in(directory);
        List<String> trace = List.of("trace", "10.99.0.1:80", "--within", "1s");
        long sockets = killing.never("", trace).calls().stream()
                .filter("socket"::equals)
                .count();
        StringBuilder said = new StringBuilder();
        for (int which = 1; which <= sockets; which++) {
            Death end = killing.failing("socket", which, EPERM, "", trace);
            assertTrue(!end.said().contains("a bug in meshcapture"), end.said());
            said.append(end.said());
        }
        assertTrue(said.toString().contains("netfilter's netlink socket cannot be opened"), said::toString);
        assertTrue(said.toString().contains("netfilter cannot be spoken to from here"), said::toString);
        Death deaf = killing.failingAll("setsockopt", 1, EPERM, "", trace);
        assertSaid(4, "the kernel's trace cannot be listened to", deaf);
    }

    @ParameterizedTest
    @CsvSource({
        "1, 4, no table of nftables can be put up for the time of this command",
        "2, 6, 'the kernel did not take what is to be looked for, and nothing was sent'"
    })
    void probes_that_the_kernel_does_not_take(int from, int exit, String said, Lab lab) {
        lab.proxy(15001);
        Program.apply(Program.ANY);
        List<String> check = List.of("check", "--probe", "-f", "-");
        assertSaid(exit, said, Killing.in(directory).failingAll("sendmsg", from, EPERM, Program.ANY, check));
    }

    @Test
    void kernel_that_lacks_what_a_transaction_asks_for(Lab lab) {
        Death end =
                Killing.in(directory).failingAll("sendmsg", 1, EOPNOTSUPP, Program.ANY, List.of("apply", "-f", "-"));
        assertSaid(4, "this kernel lacks a part of nf_tables that capture needs", end);
        assertEquals("", lab.nft().list());
    }

    /** In a user namespace that does not own the network, CAP_NET_ADMIN is worth nothing. */
    @Test
    void user_namespace_that_does_not_own_the_network() {
        Run.Result end = apart(Program.ANY, List.of("unshare", "--user", "--map-root-user"), "apply", "-f", "-");
        assertSaid(4, "the kernel does not let this process change netfilter", end);
    }

    /** Only root of the first user namespace may make its sockets larger than net.core.wmem_max (SO_SNDBUFFORCE). */
    @Test
    void transaction_that_is_too_large_for_the_socket() {
        String networks = IntStream.range(0, 20_000)
                .mapToObj(i -> "10." + i / 250 % 250 + "." + i % 250 + "." + i / 62_500 + "/32")
                .collect(Collectors.joining(", "));
        Run.Result end = apart(
                ENVOY + "ipv6: bypass\nexcept: [" + networks + "]\nservices: {any: {}}\n",
                List.of("unshare", "--user", "--map-root-user", "--net"),
                "apply",
                "-f",
                "-");
        assertSaid(4, "the transaction does not fit into this process's netlink socket", end);
    }

    /** As the process of a container that was started to capture, and ends with it. */
    @Test
    void trial_that_nobody_could_end() {
        Run.Result end = apart(
                Program.ANY + "backend: iptables-nft\n",
                List.of("unshare", "--pid", "--fork", "--mount-proc"),
                "apply",
                "-f",
                "-",
                "--confirm-within",
                "60s");
        assertSaid(4, "nobody could end the trial", end);
        assertTrue(end.err().contains("it is the first of its container"), end.err());
    }

    @Test
    void lock_of_iptables_in_a_directory_that_is_not_there() {
        Run.Result end = Run.command(
                Program.ANY + "backend: iptables-legacy\n",
                Map.of("XTABLES_LOCKFILE", "/nowhere/xtables.lock"),
                Run.LIMIT,
                List.of(Program.DISTRIBUTION, "--netns", "/proc/self/ns/net", "apply", "-f", "-"));
        assertSaid(4, "the lock of iptables cannot be opened", end);
    }

    /** A socket's file cannot be opened, whoever tries. */
    @ParameterizedTest
    @CsvSource({
        "/proc/uptime, the time since the start cannot be read",
        "/proc/sys/kernel/random/boot_id, this start of the machine cannot be told from others"
    })
    void clock_that_cannot_be_read(String file, String said, Lab lab) {
        lab.proxy(15001);
        lab.file("/etc/hosts", "127.0.0.1 localhost\n");
        Run.command("python3", "-c", "import socket; socket.socket(socket.AF_UNIX).bind('/run/no-file')")
                .orFail();
        Run.command("mount", "--bind", "/run/no-file", file).orFail();
        Run.Result end = apart(
                NAMES, List.of(), "apply", "-f", "-", "--confirm-within", "60s", "--state-dir", directory + "/clock");
        assertSaid(4, said, end);
    }

    @Test
    void unit_in_control_groups_that_are_not_ours_to_read(Lab lab) {
        String built =
                Path.of(Program.DISTRIBUTION).resolve("../..").normalize().toString();
        Run.command("mount", "--bind", built, "/mnt").orFail(); // where every user can reach it
        Run.command("mount", "-t", "tmpfs", "none", "/sys/fs/cgroup").orFail();
        Run.command("sh", "-ec", "cd /sys/fs/cgroup; touch cgroup.controllers; mkdir -m 0 closed.slice")
                .orFail();
        Run.Result end = Run.command(
                ENVOY + "services: {a: {from: {unit: shop.service}}}\n",
                Map.of(),
                Run.LIMIT,
                List.of("setpriv", "--reuid=1000", "--clear-groups", "/mnt/bin/meshcapture", "render", "-f", "-"));
        assertEquals(2, end.exit(), end.err());
        assertTrue(end.err().contains("unit \"shop.service\" cannot be looked up"), end.err());
    }

    @Test
    void lines_that_cannot_be_taken_out_whole(Lab lab) throws IOException {
        lab.proxy(15001);
        Path hosts = lab.file("/etc/hosts", "127.0.0.1 localhost\n");
        String state = directory + "/lines";
        Program.apply(NAMES, "--state-dir", state);
        List<String> rollback = List.of("rollback", "--all", "--state-dir", state);
        Killing killing = Killing.in(directory);
        long edits = calls(killing, rollback);
        StringBuilder said = new StringBuilder();
        for (int from = 1; from <= edits && said.indexOf("could not be taken out of") < 0; from++) {
            Program.apply(NAMES, "--state-dir", state);
            Death end = killing.failingAll("pwrite64", from, EIO, "", rollback);
            assertTrue(!end.said().contains("a bug in meshcapture"), end.said());
            said.append(end.said());
            Program.must(0, Program.run(rollback.toArray(String[]::new)));
            assertEquals("127.0.0.1 localhost\n", Files.readString(hosts));
        }
        assertTrue(said.toString().contains("the lines could not be taken out of /etc/hosts whole"), said::toString);
    }

    private static long calls(Killing killing, List<String> rollback) {
        return killing.never("", rollback).calls().stream()
                .filter("pwrite64"::equals)
                .count();
    }

    @Test
    void hosts_file_that_is_none(Lab lab) {
        lab.proxy(15001);
        Run.Result end = apart(
                NAMES, List.of(), "apply", "-f", "-", "--hosts-file", "/dev/zero", "--state-dir", directory + "/none");
        assertSaid(7, "/dev/zero cannot be edited; it is no regular file", end);
        Outcome nowhere =
                Program.withPlan(NAMES, "apply", "--hosts-file=/nowhere/hosts", "--state-dir=" + directory + "/none");
        assertSaid(4, "the hosts file /nowhere/hosts cannot be made", nowhere.exit(), nowhere.err());
        assertSaid(
                4,
                "the hosts file /dev/zero cannot be read; it is no regular file",
                apart(NAMES, List.of(), "check", "-f", "-", "--hosts-file", "/dev/zero"));
    }

    @Test
    void hosts_file_that_another_run_is_at_work_on(Lab lab) {
        lab.proxy(15001);
        Path hosts = lab.file("/etc/hosts", "127.0.0.1 localhost\n");
        Background other = lab.background("flock", hosts.toString(), "sh", "-c", "echo held; sleep 60; :");
        other.awaitOutput("held", Duration.ofSeconds(10));
        Outcome end = Program.withPlan(NAMES, "apply", "--lock-timeout", "200ms", "--state-dir=" + directory + "/busy");
        assertSaid(5, "another run of meshcapture is at work on /etc/hosts", end.exit(), end.err());
    }

    @Test
    void state_directory_that_anybody_may_write_to(Lab lab) throws IOException {
        lab.proxy(15001);
        lab.file("/etc/hosts", "127.0.0.1 localhost\n");
        Path state = Files.createDirectory(directory.resolve("anybodys"));
        Run.command("chmod", "777", state.toString()).orFail();
        Outcome end = Program.withPlan(NAMES, "apply", "--state-dir=" + state);
        assertSaid(4, "the state directory " + state + " is not safe to use", end.exit(), end.err());
    }

    @Test
    void names_of_another_process_are_not_tried(Lab lab) throws IOException {
        Path own = Files.writeString(directory.resolve("own-hosts"), "127.0.0.1 localhost\n");
        Background other = lab.background(
                "unshare", "--mount", "--net", "sh", "-c", "mount --bind " + own + " /etc/hosts; echo up; sleep 60; :");
        other.awaitOutput("up", Duration.ofSeconds(10));
        Outcome end = Program.withPlan(
                NAMES,
                "apply",
                "--netns=" + other.pid(),
                "--confirm-within=60s",
                "--state-dir=" + directory + "/other");
        assertSaid(4, "names of another process's hosts file cannot be put on trial", end.exit(), end.err());
    }

    private static Path library() {
        return Path.of(Run.command("sh", "-c", "realpath /usr/lib/*/libnftables.so.1")
                .orFail()
                .strip());
    }

    private static void replaceLibrary(String source) throws IOException {
        Path code = Files.writeString(directory.resolve("library.c"), source);
        Path built = directory.resolve("library.so");
        Run.command("gcc", "-shared", "-fPIC", "-o", built.toString(), code.toString())
                .orFail();
        Run.command("mount", "--bind", built.toString(), library().toString()).orFail();
    }

    @Test
    void library_that_lacks_a_function() throws IOException {
        replaceLibrary("void *nft_ctx_new(unsigned flags) { (void)flags; return 0; }\n");
        Run.Result end = apart(Program.ANY + "backend: nftables\n", List.of(), "apply", "-f", "-");
        assertSaid(4, "libnftables.so.1 is too old; it has no function nft_ctx_free", end);
    }

    @Test
    void library_that_gets_no_socket() throws IOException {
        String others = Stream.of(
                        "free",
                        "output_set_flags",
                        "buffer_output",
                        "buffer_error",
                        "get_output_buffer",
                        "get_error_buffer")
                .map(name -> "void nft_ctx_" + name + "(void) {}\n")
                .collect(Collectors.joining());
        replaceLibrary("void *nft_ctx_new(unsigned flags) { (void)flags; return 0; }\n" + others
                + "void nft_run_cmd_from_buffer(void) {}\n");
        Run.Result end = apart(Program.ANY + "backend: nftables\n", List.of(), "apply", "-f", "-");
        assertSaid(4, "libnftables cannot open its netlink socket", end);
    }
}
