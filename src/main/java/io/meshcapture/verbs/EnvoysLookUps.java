package io.meshcapture.verbs;

import io.meshcapture.backend.hosts.HostsFindings;
import io.meshcapture.envoy.LookUps;
import io.meshcapture.failure.Failure;
import io.meshcapture.plan.Address;
import io.meshcapture.plan.HostPort;
import io.meshcapture.plan.Plan;
import io.meshcapture.rules.LoopbackAddress;
import io.meshcapture.system.FilesBelow;
import io.meshcapture.system.HostLookup;
import io.meshcapture.system.NameServiceSwitch;
import io.meshcapture.system.Processes;
import io.meshcapture.system.ResolvConf;
import io.meshcapture.system.SocketTable;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Map;
import java.util.Set;

/**
 * How the running Envoy looks names up: by the files of its own mount namespace, as far as its processes can be seen. Where
 * they cannot, it is taken to see what we see, which is the worse of the two.
 */
final class EnvoysLookUps {
    private static final Path HERE = Path.of("/");
    private static final Path HOSTS = Path.of("/etc/hosts");

    /** A look-up that no server answers takes ten seconds. */
    private static final int MOST = 5;

    private final Path hosts;
    private final Map<String, Boolean> asked = new HashMap<>();

    private EnvoysLookUps(Path hosts) {
        this.hosts = hosts;
    }

    /**
     * Of the Envoy that answers at an admin address; in the network namespace that it is in.
     *
     * @param admin where it listens
     */
    static LookUps of(Plan plan, Place place, HostPort admin) {
        if (!HostsWanted.isAskedBy(plan)) {
            return new LookUps(false, _ -> false, _ -> false);
        }
        EnvoysLookUps lookUps = new EnvoysLookUps(place.hosts());
        Set<Path> roots = roots(admin);
        return new LookUps(
                roots.stream().anyMatch(root -> NameServiceSwitch.below(root).readsFiles()),
                name -> roots.stream().anyMatch(root -> lookUps.isSentToEnvoy(root, name)),
                place.namespace() == null && isServerLocal() ? lookUps::isToldByDns : _ -> false);
    }

    private static Set<Path> roots(HostPort admin) {
        Set<Long> inodes = new HashSet<>();
        for (SocketTable.Open socket : SocketTable.openListening()) {
            if (socket.localPort() == admin.port().number()) {
                inodes.add(socket.inode());
            }
        }
        Set<Path> roots = new HashSet<>();
        for (Path process : Processes.withSockets(inodes)) {
            Path root = process.resolve("root");
            roots.add(FilesBelow.canBeSeen(root) ? root : HERE);
        }
        return roots.isEmpty() ? Set.of(HERE) : roots;
    }

    /** By the very file that we edit, or a copy of it. */
    private boolean isSentToEnvoy(Path root, String name) {
        if (FilesBelow.isSame(root, HOSTS, hosts)) {
            return true;
        }
        String content = FilesBelow.read(root, HOSTS);
        return content != null && HostsFindings.of(content).sendsToOurs(name);
    }

    /** A server elsewhere knows nothing of this host's file. */
    private static boolean isServerLocal() {
        try {
            return ResolvConf.of(null).servers().stream().anyMatch(Address::isLoopback);
        } catch (Failure.Conflict unreadable) {
            return false;
        }
    }

    private boolean isToldByDns(String name) {
        if (asked.size() >= MOST && !asked.containsKey(name)) {
            return false;
        }
        return asked.computeIfAbsent(
                name,
                one -> HostLookup.of(one + ".", false).stream()
                        .anyMatch(address -> LoopbackAddress.parse(address) != null));
    }
}
