package io.meshcapture.system;

import io.meshcapture.plan.Address;
import io.meshcapture.plan.BadValue;
import io.meshcapture.plan.Family;
import io.meshcapture.plan.PortRange;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;

/** Facts about the host and the calling thread's network namespace. */
public final class HostFacts {

    /** The kernel's default (net/ipv4/af_inet.c). */
    private static final PortRange DEFAULT_EPHEMERAL = new PortRange(32768, 60999);

    /** Inode of the first pid namespace (PROC_PID_INIT_INO in include/linux/proc_ns.h). */
    private static final String FIRST_PID_NAMESPACE = "pid:[4026531836]";

    private static final String HOST_NETWORK = "# Kubernetes-managed hosts file (host network).";

    private static final String IPV4_ROUTES = "/proc/thread-self/net/fib_trie";

    /** Routes to the host itself, and to everybody on a network. */
    static final String LOCAL = "/32 host LOCAL";

    static final String BROADCAST = "/32 link BROADCAST";

    private HostFacts() {}

    /** The ports that the kernel gives to clients (net.ipv4.ip_local_port_range, valid for IPv6 too). */
    public static PortRange ephemeralPorts() {
        try {
            String[] words = ProcFile.read(Path.of("/proc/sys/net/ipv4/ip_local_port_range"))
                    .strip()
                    .split("\\s+", -1);
            return new PortRange(Integer.parseInt(words[0]), Integer.parseInt(words[1]));
        } catch (IOException e) {
            return DEFAULT_EPHEMERAL;
        }
    }

    /**
     * The first port that a process without CAP_NET_BIND_SERVICE may listen on (net.ipv4.ip_unprivileged_port_start, valid for
     * IPv6 too), in the calling thread's network namespace; 1024 unless somebody has changed it.
     */
    public static int firstUnprivilegedPort() {
        try {
            return Integer.parseInt(ProcFile.read(Path.of("/proc/sys/net/ipv4/ip_unprivileged_port_start"))
                    .strip());
        } catch (IOException e) {
            return 1024;
        }
    }

    /** Whether an interface of this namespace has an IPv6 address, loopback's included. */
    public static boolean hasIpv6() {
        try {
            return !ProcFile.read(Path.of("/proc/thread-self/net/if_inet6")).isBlank();
        } catch (IOException e) {
            return false;
        }
    }

    /** Whether a program here can listen on [::1]. */
    public static boolean canListenOnIpv6() {
        return ownAddresses().contains(new Address(Family.IPV6, 0, 1));
    }

    /** What the host calls itself (sethostname(2)), in the calling thread's namespace. */
    public static String name() {
        try {
            return ProcFile.read(Path.of("/proc/sys/kernel/hostname")).strip();
        } catch (IOException e) {
            return "localhost";
        }
    }

    /**
     * Addresses that lead to the host itself: those of the calling thread's network namespace, and the two of all zeros,
     * which the kernel connects to loopback. Not by java.net: it reads the namespace of the process's first thread.
     */
    public static Set<Address> ownAddresses() {
        Set<Address> addresses = new TreeSet<>();
        addresses.add(Address.ipv4(0));
        addresses.add(new Address(Family.IPV6, 0, 0));
        addIpv4(lines(IPV4_ROUTES), LOCAL, addresses);
        addIpv6(lines("/proc/thread-self/net/if_inet6"), addresses);
        return addresses;
    }

    /** Broadcast addresses of the networks that the calling thread's network namespace is attached to. */
    public static Set<Address> broadcastAddresses() {
        Set<Address> addresses = new TreeSet<>();
        addIpv4(lines(IPV4_ROUTES), BROADCAST, addresses);
        return addresses;
    }

    /** The names of the interfaces of the calling thread's network namespace. */
    public static List<String> interfaces() {
        return lines("/proc/thread-self/net/dev").stream()
                .filter(line -> line.indexOf(':') > 0)
                .map(line -> line.substring(0, line.indexOf(':')).strip())
                .toList();
    }

    /** {@code |-- 10.99.0.2} and below it {@code /32 host LOCAL} (net/ipv4/fib_trie.c). */
    static void addIpv4(List<String> routes, String kind, Set<Address> addresses) {
        String address = "";
        for (String line : routes) {
            String text = line.strip();
            if (text.startsWith("|-- ")) {
                address = text.substring(4);
            } else if (text.equals(kind)) {
                try {
                    addresses.add(Address.parse(address));
                } catch (BadValue e) {
                    throw new IllegalStateException(e);
                }
            }
        }
    }

    /** {@code fe800000000000000000000000000002 02 40 20 80 eth0} (net/ipv6/addrconf.c). */
    static void addIpv6(List<String> interfaces, Set<Address> addresses) {
        for (String line : interfaces) {
            if (line.indexOf(' ') == 32) {
                addresses.add(new Address(
                        Family.IPV6,
                        Long.parseUnsignedLong(line, 0, 16, 16),
                        Long.parseUnsignedLong(line, 16, 32, 16)));
            }
        }
    }

    private static List<String> lines(String file) {
        try {
            return ProcFile.read(Path.of(file)).lines().toList();
        } catch (IOException e) {
            return List.of(); // the kernel lacks that family
        }
    }

    /**
     * Whether this is a container that shares the node's network namespace. The first network namespace is told by a
     * sysctl that no other has: net.core.netdev_budget (net/core/sysctl_net_core.c registers that table for init_net). A node
     * that is itself a container (kind) has another; there, the kubelet tells by the first line of the hosts file that it
     * writes for each container (pkg/kubelet/kubelet_pods.go, managedHostsHeaderWithHostNetwork).
     */
    public static boolean isContainerOnTheNodesNetwork(Map<String, String> environment) {
        return (isContainer(environment) && Files.exists(Path.of("/proc/sys/net/core/netdev_budget")))
                || (isInTheNamespaceOfTheProcess() && isOfHostNetwork(Path.of("/etc/hosts")));
    }

    /** Not in one that the thread has entered, which the process's hosts file tells nothing about. */
    private static boolean isInTheNamespaceOfTheProcess() {
        try {
            return Files.readSymbolicLink(Path.of("/proc/self/ns/net"))
                    .toString()
                    .equals(NetworkNamespace.identity());
        } catch (IOException e) {
            return true;
        }
    }

    static boolean isOfHostNetwork(Path hosts) {
        try (InputStream in = Files.newInputStream(hosts)) {
            return new String(in.readNBytes(HOST_NETWORK.length()), StandardCharsets.ISO_8859_1).equals(HOST_NETWORK);
        } catch (IOException e) {
            return false;
        }
    }

    /** Whether this is what a container was started for, and not a program that somebody runs in one. */
    public static boolean isContainersFirstProcess(Map<String, String> environment) {
        return isContainer(environment) && ProcessHandle.current().pid() == 1;
    }

    private static boolean isContainer(Map<String, String> environment) {
        if (environment.containsKey("KUBERNETES_SERVICE_HOST")
                || Files.exists(Path.of("/.dockerenv"))
                || Files.exists(Path.of("/run/.containerenv"))) {
            return true;
        }
        try {
            return !Files.readSymbolicLink(Path.of("/proc/self/ns/pid"))
                    .toString()
                    .equals(FIRST_PID_NAMESPACE);
        } catch (IOException e) {
            return false;
        }
    }
}
