package io.meshcapture.doctor;

import io.meshcapture.backend.nftables.Feature;
import io.meshcapture.backend.nftables.NamedChain;
import io.meshcapture.failure.Failure;
import io.meshcapture.plan.Address;
import io.meshcapture.plan.BadValue;
import io.meshcapture.plan.PortRange;
import io.meshcapture.system.ResolvConf;
import io.meshcapture.system.SocketTable.Listening;
import io.meshcapture.system.SocketTable.Open;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;

/** A host in a directory: a Debian virtual machine that is well, until a test says otherwise. */
final class LaidOutHost implements Host {
    static final String NETWORK = "net:[4026531840]";
    private static final String NETFILTER = "/proc/sys/net/netfilter/";

    private final Path root;
    private final Map<Feature, String> missing = new EnumMap<>(Feature.class);
    private final List<NamedChain> chains = new ArrayList<>();
    private final List<String> shadows = new ArrayList<>();
    private final List<Open> connections = new ArrayList<>();
    private final List<Listening> servers = new ArrayList<>();
    private String legacy = "";
    private boolean netAdmin = true;
    private boolean nodesNetwork;
    private boolean library = true;
    private boolean hasLeftTrace;
    private boolean loopback = true;

    LaidOutHost(Path root) {
        this.root = root;
        file("/proc/sys/kernel/osrelease", "6.1.0-18-amd64\n");
        status("0", "000001ffffffffff");
        file("/proc/thread-self/uid_map", "         0          0 4294967295\n");
        file(
                "/proc/thread-self/net/fib_trie",
                "  |-- 10.0.0.5\n    /32 host LOCAL\n  |-- 127.0.0.1\n    /32 host LOCAL\n");
        ipv6(
                "00000000000000000000000000000001 01 80 10 80 lo",
                "fd000000000000000000000000000005 02 40 00 80 eth0",
                "fe800000000000000000000000000005 02 40 20 80 eth0");
        conntrack("nf_conntrack_max", 262144);
        conntrack("nf_conntrack_count", 512);
        conntrack("nf_conntrack_tcp_loose", 1);
        conntrack("nf_conntrack_tcp_timeout_close_wait", 60);
        conntrack("nf_conntrack_tcp_timeout_established", 432000);
        file("/etc/resolv.conf", "nameserver 10.0.0.53\n");
        file("/etc/nsswitch.conf", "passwd: files\nhosts:          files dns\n");
        file("/etc/hosts", "127.0.0.1 localhost\n::1 localhost ip6-localhost\n");
        file("/sys/fs/cgroup/cgroup.controllers", "cpu memory\n");
        process(4711, "envoy", 1337);
    }

    LaidOutHost file(String name, String text) {
        try {
            Path file = root.resolve(name.substring(1));
            Files.createDirectories(file.getParent());
            Files.writeString(file, text);
            return this;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    LaidOutHost without(String name) {
        try {
            Files.delete(root.resolve(name.substring(1)));
            return this;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    LaidOutHost link(String name, String target) {
        try {
            Path link = root.resolve(name.substring(1));
            Files.createDirectories(link.getParent());
            Files.deleteIfExists(link);
            Files.createSymbolicLink(link, Path.of(target));
            return this;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    LaidOutHost directory(String name) {
        try {
            Files.createDirectories(root.resolve(name.substring(1)));
            return this;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    LaidOutHost status(String uid, String capabilities) {
        return file(
                "/proc/thread-self/status",
                "Name:\tjava\nUid:\t%s\t%s\t%s\t%s\nCapEff:\t%s\n".formatted(uid, uid, uid, uid, capabilities));
    }

    LaidOutHost unprivileged() {
        netAdmin = false;
        return status("1000", "0000000000000000");
    }

    LaidOutHost ipv6(String... addresses) {
        return file("/proc/thread-self/net/if_inet6", String.join("\n", addresses) + "\n");
    }

    LaidOutHost conntrack(String name, long value) {
        return file(NETFILTER + name, value + "\n");
    }

    LaidOutHost process(int pid, String name, int uid) {
        file("/proc/" + pid + "/comm", name + "\n");
        file("/proc/" + pid + "/status", "Name:\t%s\nUid:\t%d\t%d\t%d\t%d\n".formatted(name, uid, uid, uid, uid));
        return link("/proc/" + pid + "/ns/net", NETWORK);
    }

    LaidOutHost resolv(String... lines) {
        return file("/etc/resolv.conf", String.join("\n", lines) + "\n");
    }

    LaidOutHost hostsSources(String sources) {
        return file("/etc/nsswitch.conf", "hosts: " + sources + "\n");
    }

    LaidOutHost lacks(Feature feature) {
        missing.put(feature, "Error: Could not process rule: No such file or directory");
        return this;
    }

    LaidOutHost chain(String table, String name) {
        return chain(table, name, "");
    }

    LaidOutHost chain(String table, String name, String hook) {
        chains.add(new NamedChain(table, name, hook));
        return this;
    }

    LaidOutHost legacy(String rules) {
        legacy = rules;
        return this;
    }

    LaidOutHost shadow(String sentence) {
        shadows.add(sentence);
        return this;
    }

    LaidOutHost server(int port) {
        servers.add(new Listening(Address.ipv4(0), port, false, 1000, 1));
        return this;
    }

    LaidOutHost boundConnection(String remote) {
        try {
            connections.add(
                    new Open(Address.ipv4(0x0a000005), 40000, Address.parse(remote), 443, false, 1000, 1, 1, 0, 2));
            return this;
        } catch (BadValue e) {
            throw new IllegalArgumentException(e);
        }
    }

    LaidOutHost withoutLoopback() {
        loopback = false;
        return this;
    }

    LaidOutHost onTheNodesNetwork() {
        nodesNetwork = true;
        return this;
    }

    LaidOutHost withoutLibrary() {
        library = false;
        return this;
    }

    @Override
    public HostFiles files() {
        return new HostFiles(root);
    }

    @Override
    public boolean isNetAdmin() {
        return netAdmin;
    }

    @Override
    public boolean sharesNodesNetwork() {
        return nodesNetwork;
    }

    @Override
    public void loadLibrary() {
        if (!library) {
            throw new Failure.Unavailable("libnftables.so.1 cannot be loaded", "no such file", "install libnftables");
        }
    }

    @Override
    public Map<Feature, String> missingFeatures() {
        return missing;
    }

    @Override
    public List<NamedChain> chains() {
        return chains;
    }

    @Override
    public String legacyRules() {
        return legacy;
    }

    @Override
    public List<String> shadows() {
        return shadows;
    }

    @Override
    public List<String> iptables() {
        return List.of("iptables v1.8.9 (nf_tables)", "iptables v1.8.9 (legacy)");
    }

    @Override
    public List<Finding> kernelAsRootOfItsOwn() {
        return List.of();
    }

    @Override
    public boolean hasLeftTrace() {
        return hasLeftTrace;
    }

    LaidOutHost withLeftTrace() {
        hasLeftTrace = true;
        return this;
    }

    @Override
    public boolean hasLoopback() {
        return loopback;
    }

    @Override
    public List<Open> connections() {
        return connections;
    }

    @Override
    public List<Listening> servers() {
        return servers;
    }

    @Override
    public PortRange ephemeralPorts() {
        return new PortRange(32768, 60999);
    }

    @Override
    public ResolvConf resolvConf() {
        return ResolvConf.read(root, Path.of("/etc/resolv.conf"));
    }

    @Override
    public String networkNamespace() {
        return NETWORK;
    }
}
