package io.meshcapture.doctor;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;

import io.meshcapture.backend.nftables.Feature;
import io.meshcapture.failure.ExitCode;
import java.nio.file.Path;
import java.util.List;
import java.util.function.UnaryOperator;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.api.io.TempDir;

/** Each line breaks a host that was well in one way, and says the one finding, its severity and the exit that follow. */
class BrokenHostTest {

    private record Breakage(String name, String id, Severity severity, ExitCode exit, UnaryOperator<LaidOutHost> how) {}

    private static final List<Breakage> BREAKAGES = List.of(
            missing("root without CAP_NET_ADMIN", "privileges.net-admin", h -> h.status("0", "00000000a80425fb")),
            conflict("a container on the node's network", "privileges.node-network", LaidOutHost::onTheNodesNetwork),
            missing("no libnftables", "libraries.libnftables", LaidOutHost::withoutLibrary),
            missing("a kernel without NAT", "kernel.nat", h -> h.lacks(Feature.NAT)),
            missing("a kernel without redirect", "kernel.redirect", h -> h.lacks(Feature.REDIRECT)),
            missing("a kernel without fib", "kernel.fib", h -> h.lacks(Feature.FIB)),
            missing("a kernel without reject", "kernel.reject", h -> h.lacks(Feature.REJECT)),
            missing("a kernel without interval maps", "kernel.intervals", h -> h.lacks(Feature.INTERVALS)),
            missing("a kernel without element timeouts", "kernel.timeouts", h -> h.lacks(Feature.TIMEOUTS)),
            missing("a kernel without dynamic sets", "kernel.dynamic-sets", h -> h.lacks(Feature.DYNAMIC_SETS)),
            missing("a kernel without conntrack", "kernel.conntrack", h -> h.lacks(Feature.CONNTRACK)),
            missing("a kernel before 5.12", "kernel.owned-tables", h -> h.lacks(Feature.OWNED_TABLES)),
            warning("a kernel without conntrack zones", "kernel.zones", h -> h.lacks(Feature.ZONES)),
            warning("a kernel without socket cgroupv2", "kernel.cgroups", h -> h.lacks(Feature.CGROUPS)),
            warning("a kernel without tproxy", "kernel.tproxy", h -> h.lacks(Feature.TPROXY)),
            conflict("Istio by iptables-nft", "rules.istio", h -> h.chain("ip nat", "ISTIO_OUTPUT")),
            conflict("Istio by iptables-legacy", "rules.istio", h -> h.legacy("*nat\n:ISTIO_OUTPUT - [0:0]\nCOMMIT\n")),
            conflict("Istio by nftables", "rules.istio", h -> h.chain("inet istio-proxy-nat", "")),
            conflict("Linkerd", "rules.linkerd", h -> h.chain("ip nat", "PROXY_INIT_REDIRECT")),
            conflict("Linkerd's IPv6 half", "rules.linkerd", h -> h.chain("ip6 nat", "PROXY_INIT_OUTPUT")),
            conflict("Kuma", "rules.kuma", h -> h.chain("ip nat", "KUMA_MESH_OUTBOUND")),
            conflict("Consul", "rules.consul", h -> h.chain("ip nat", "CONSUL_PROXY_OUTPUT")),
            conflict("App Mesh", "rules.app-mesh", h -> h.chain("ip nat", "APPMESH_EGRESS")),
            conflict(
                    "a chain before ours",
                    "rules.shadow",
                    h -> h.shadow("table ip a chain b (priority -200): redirect")),
            warning("a trace that was killed", "rules.trace-left", LaidOutHost::withLeftTrace),
            warning(
                    "a reload that flushes the ruleset",
                    "rules.flush-ruleset",
                    h -> h.file("/etc/nftables.conf", "#!/usr/sbin/nft -f\nflush ruleset\n")
                            .file("/etc/systemd/system/sysinit.target.wants/nftables.service", "")),
            conflict("a full conntrack table", "conntrack.full", h -> h.conntrack("nf_conntrack_count", 262000)),
            warning(
                    "a nearly full conntrack table",
                    "conntrack.nearly-full",
                    h -> h.conntrack("nf_conntrack_count", 215000)),
            warning("tcp_loose switched off", "conntrack.not-loose", h -> h.conntrack("nf_conntrack_tcp_loose", 0)),
            warning(
                    "a short close-wait",
                    "conntrack.close-wait",
                    h -> h.conntrack("nf_conntrack_tcp_timeout_close_wait", 10)),
            warning(
                    "a short established timeout",
                    "conntrack.established",
                    h -> h.conntrack("nf_conntrack_tcp_timeout_established", 600)),
            conflict("loopback down", "addresses.loopback-down", LaidOutHost::withoutLoopback),
            warning(
                    "IPv6 without ::1",
                    "addresses.no-ipv6-loopback",
                    h -> h.ipv6("fd000000000000000000000000000005 02 40 00 80 eth0")),
            warning("no resolv.conf", "names.resolv-conf-unreadable", h -> h.without("/etc/resolv.conf")),
            warning(
                    "resolv.conf that leads nowhere",
                    "names.resolv-conf-unreadable",
                    h -> h.link("/etc/resolv.conf", "/run/systemd/resolve/stub-resolv.conf")),
            warning("resolv.conf without servers", "names.no-server", h -> h.resolv("search example.org")),
            warning(
                    "resolv.conf with a scoped server alone",
                    "names.no-server",
                    h -> h.resolv("nameserver fe80::1%eth0")),
            warning("nsswitch without files", "names.nsswitch-without-files", h -> h.hostsSources("dns")),
            warning(
                    "nsswitch that stops at resolved",
                    "names.nsswitch-without-files",
                    h -> h.hostsSources("resolve [!UNAVAIL=return] dns")),
            warning("nsswitch with DNS first", "names.nsswitch-dns-first", h -> h.hostsSources("dns files")),
            warning("no hosts file", "names.hosts-missing", h -> h.without("/etc/hosts")),
            warning(
                    "a hosts file that is a directory",
                    "names.hosts-missing",
                    h -> h.without("/etc/hosts").directory("/etc/hosts")),
            warning(
                    "a hosts file from Windows",
                    "names.hosts-odd-bytes",
                    h -> h.file("/etc/hosts", "127.0.0.1 localhost\r\n")),
            warning(
                    "localhost elsewhere",
                    "names.localhost-elsewhere",
                    h -> h.file("/etc/hosts", "10.0.0.9 db localhost\n")),
            warning("Envoy as root", "callers.envoy-is-root", h -> h.process(4712, "envoy", 0)));

    @TestFactory
    Stream<DynamicTest> each_breakage_is_found_and_nothing_else(@TempDir Path directory) {
        return BREAKAGES.stream()
                .map(breakage -> DynamicTest.dynamicTest(breakage.name, () -> {
                    LaidOutHost host = breakage.how.apply(new LaidOutHost(directory.resolve(breakage.name)));
                    Report report = new Report(HostExaminations.run(host));
                    List<Finding> found = report.findings().stream()
                            .filter(one -> one.severity().compareTo(Severity.WARNING) >= 0)
                            .toList();
                    assertEquals(1, found.size(), () -> found.toString());
                    Finding finding = found.getFirst();
                    assertEquals(breakage.id, finding.id());
                    assertEquals(breakage.severity, finding.severity());
                    assertEquals(breakage.exit, report.exit());
                    assertFalse(finding.what().isEmpty()
                            || finding.because().isEmpty()
                            || finding.mend().isEmpty());
                }));
    }

    private static Breakage missing(String name, String id, UnaryOperator<LaidOutHost> how) {
        return new Breakage(name, id, Severity.PROBLEM, ExitCode.UNAVAILABLE, how);
    }

    private static Breakage conflict(String name, String id, UnaryOperator<LaidOutHost> how) {
        return new Breakage(name, id, Severity.PROBLEM, ExitCode.CONFLICT, how);
    }

    private static Breakage warning(String name, String id, UnaryOperator<LaidOutHost> how) {
        return new Breakage(name, id, Severity.WARNING, ExitCode.DONE, how);
    }
}
