package io.meshcapture.doctor;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Path;
import java.util.List;
import java.util.function.UnaryOperator;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.api.io.TempDir;

/** Hosts as they are: each line is one on which there is nothing to warn of. */
class HealthyHostTest {

    private record SetUp(String name, UnaryOperator<LaidOutHost> how) {}

    private static final List<SetUp> SET_UPS = List.of(
            new SetUp("a plain virtual machine", h -> h),
            new SetUp("conntrack not loaded", HealthyHostTest::withoutConntrack),
            new SetUp("the advised close-wait", h -> h.conntrack("nf_conntrack_tcp_timeout_close_wait", 3600)),
            new SetUp("a busy conntrack table", h -> h.conntrack("nf_conntrack_count", 190000)),
            new SetUp("IPv6 not in the kernel", h -> h.without("/proc/thread-self/net/if_inet6")),
            new SetUp("IPv6 switched off", h -> h.file("/proc/thread-self/net/if_inet6", "")),
            new SetUp("::1 alone", h -> h.ipv6("00000000000000000000000000000001 01 80 10 80 lo")),
            new SetUp(
                    "IPv6 only",
                    h -> h.file("/proc/thread-self/net/fib_trie", "  |-- 127.0.0.1\n    /32 host LOCAL\n")),
            new SetUp(
                    "systemd-resolved",
                    h -> h.link("/etc/resolv.conf", "../run/systemd/resolve/stub-resolv.conf")
                            .file("/run/systemd/resolve/stub-resolv.conf", "nameserver 127.0.0.53\noptions edns0\n")),
            new SetUp("systemd-resolved in nsswitch", h -> h.hostsSources("files resolve [!UNAVAIL=return] dns")),
            new SetUp("Avahi in nsswitch", h -> h.hostsSources("files mdns4_minimal [NOTFOUND=return] dns")),
            new SetUp("myhostname in nsswitch", h -> h.hostsSources("mymachines files dns myhostname")),
            new SetUp("no nsswitch.conf (musl)", h -> h.without("/etc/nsswitch.conf")),
            new SetUp("nsswitch.conf without a hosts line", h -> h.file("/etc/nsswitch.conf", "passwd: files\n")),
            new SetUp("Docker's resolver", h -> h.resolv("nameserver 127.0.0.11", "options ndots:0")),
            new SetUp(
                    "Kubernetes' resolver",
                    h -> h.resolv("search a.svc.cluster.local", "nameserver 10.96.0.10", "options ndots:5")),
            new SetUp(
                    "three DNS servers",
                    h -> h.resolv("nameserver 10.0.0.1", "nameserver 10.0.0.2", "nameserver fd00::1")),
            new SetUp(
                    "six DNS servers",
                    h -> h.resolv(
                            "nameserver 10.0.0.1",
                            "nameserver 10.0.0.2",
                            "nameserver 10.0.0.3",
                            "nameserver 10.0.0.4",
                            "nameserver 10.0.0.5",
                            "nameserver 10.0.0.6")),
            new SetUp(
                    "a scoped server beside another", h -> h.resolv("nameserver fe80::1%eth0", "nameserver 10.0.0.1")),
            new SetUp(
                    "hosts file with comments",
                    h -> h.file("/etc/hosts", "# localhost 10.0.0.1\n127.0.0.1\tlocalhost # me\n::1 localhost\n")),
            new SetUp("Docker's rules", h -> h.chain("ip nat", "DOCKER").chain("ip filter", "DOCKER-USER")),
            new SetUp("Podman's rules", h -> h.chain("inet netavark", "NETAVARK-HOSTPORT-DNAT")),
            new SetUp(
                    "kube-proxy's rules",
                    h -> h.chain("ip nat", "KUBE-SERVICES")
                            .legacy("*nat\n:KUBE-SERVICES - [0:0]\n-A OUTPUT -j KUBE-SERVICES\nCOMMIT\n")),
            new SetUp("Cilium's rules", h -> h.chain("ip mangle", "CILIUM_PRE_mangle")),
            new SetUp(
                    "firewalld",
                    h -> h.chain(
                            "inet firewalld", "filter_OUTPUT", "type filter hook output priority 10; policy accept;")),
            new SetUp("ufw", h -> h.chain("ip filter", "ufw-before-output")),
            new SetUp(
                    "an output firewall",
                    h -> h.chain("inet filter", "output", "type filter hook output priority 0; policy drop;")),
            new SetUp(
                    "nftables.service without a flush",
                    h -> h.file("/etc/nftables.conf", "destroy table inet filter\n# flush ruleset\n")
                            .file("/etc/systemd/system/sysinit.target.wants/nftables.service", "")),
            new SetUp("a flush in a service that is not enabled", h -> h.file("/etc/nftables.conf", "flush ruleset\n")),
            new SetUp(
                    "hybrid cgroups",
                    h -> h.without("/sys/fs/cgroup/cgroup.controllers")
                            .file("/sys/fs/cgroup/unified/cgroup.controllers", "")),
            new SetUp("cgroup v1", h -> h.without("/sys/fs/cgroup/cgroup.controllers")),
            new SetUp("Envoy not started yet", h -> h.process(4711, "java", 1000)),
            new SetUp(
                    "root's Envoy in another namespace",
                    h -> h.process(99, "envoy", 0).link("/proc/99/ns/net", "net:[4026532001]")),
            new SetUp("a pod with users of its own", h -> h.file("/proc/thread-self/uid_map", "0 200000 65536\n")),
            new SetUp("an init container with NET_ADMIN alone", h -> h.status("0", "0000000000001000")),
            new SetUp("a user without privileges", LaidOutHost::unprivileged),
            new SetUp("a server on an ephemeral port", h -> h.server(40000)),
            new SetUp("a socket bound to an interface", h -> h.boundConnection("192.0.2.1")));

    @TestFactory
    Stream<DynamicTest> a_healthy_host_has_no_warning_and_no_problem(@TempDir Path directory) {
        return SET_UPS.stream()
                .map(setUp -> DynamicTest.dynamicTest(setUp.name, () -> {
                    LaidOutHost host =
                            setUp.how.apply(new LaidOutHost(directory.resolve(setUp.name.replace('/', ' '))));
                    Report report = new Report(HostExaminations.run(host));
                    assertEquals(
                            List.of(),
                            report.findings().stream()
                                    .filter(one -> one.severity().compareTo(Severity.WARNING) >= 0)
                                    .toList());
                    assertEquals(0, report.exit().status());
                }));
    }

    @Test
    void there_are_as_many_as_were_meant() {
        assertTrue(SET_UPS.size() >= 30, () -> "only " + SET_UPS.size());
    }

    /** A note by its id where one is expected: what is healthy is not always silent. */
    @Test
    void close_wait_is_a_note_with_the_command_that_raises_it(@TempDir Path directory) throws Exception {
        Finding note = HostExaminations.run(new LaidOutHost(directory)).stream()
                .filter(one -> one.id().equals("conntrack.close-wait"))
                .findFirst()
                .orElseThrow();
        assertEquals(Severity.NOTE, note.severity());
        assertEquals(List.of("sysctl -w net.netfilter.nf_conntrack_tcp_timeout_close_wait=3600"), note.commands());
    }

    private static LaidOutHost withoutConntrack(LaidOutHost host) {
        for (String name : List.of("max", "count", "tcp_loose", "tcp_timeout_close_wait", "tcp_timeout_established")) {
            host.without("/proc/sys/net/netfilter/nf_conntrack_" + name);
        }
        return host;
    }
}
