package io.meshcapture.verbs;

import io.meshcapture.backend.Backend;
import io.meshcapture.backend.LiveState;
import io.meshcapture.backend.nftables.LoggerRecord;
import io.meshcapture.failure.Failure;
import io.meshcapture.system.Accounts;
import io.meshcapture.system.FilesBelow;
import io.meshcapture.system.HostFacts;
import io.meshcapture.system.LegacyTrace;
import io.meshcapture.system.NamespaceLock;
import io.meshcapture.system.NetworkNamespace;
import io.meshcapture.system.Privileges;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;

/**
 * Where a verb works.
 *
 * @param namespace the network namespace as {@code --netns} names it, or null for the calling thread's own
 * @param allowHostNetwork whether a container may change the node's own network namespace
 * @param lockTimeout how long another run is waited for
 * @param stateDirectory where the journal of the hosts file is kept
 * @param hostsFile the hosts file that {@code --hosts-file} names, {@link #NO_HOSTS_FILE} where names stand elsewhere, or null
 *     for the one that programs there read
 * @param environment the process's environment
 * @param version of meshcapture, for the records in the live state
 */
public record Place(
        @Nullable String namespace,
        boolean allowHostNetwork,
        Duration lockTimeout,
        Path stateDirectory,
        @Nullable Path hostsFile,
        Map<String, String> environment,
        String version) {

    static final Path HOSTS = Path.of("/etc/hosts");

    /** It holds no names, and nobody writes any into it. */
    public static final Path NO_HOSTS_FILE = Path.of("/dev/null");

    /** Unless {@code --state-dir} says otherwise. */
    public static final Path DEFAULT_STATE_DIRECTORY = Path.of("/var/lib/meshcapture");

    /**
     * The hosts file that the programs there read. It belongs to a mount namespace, which a network namespace tells nothing
     * about unless it is that of a process, or has a name for which {@code ip netns exec} lays a file over it. A process
     * that reads this host's own file shares it with programs that live in other network namespaces.
     *
     * @throws Failure.Unavailable where nobody can say which it is
     */
    Path hosts() {
        if (hostsFile != null) {
            return hostsFile;
        }
        if (namespace == null) {
            return HOSTS;
        }
        Path process = NetworkNamespace.process(namespace);
        if (process != null) {
            Path root = process.resolve("root");
            if (!FilesBelow.isSame(root, HOSTS, HOSTS)) {
                return root.resolve(Path.of("/").relativize(HOSTS));
            }
            throw new Failure.Unavailable(
                    "the hosts file of process " + process.getFileName() + " cannot be edited for it alone",
                    FilesBelow.canBeSeen(root)
                            ? "it is this host's own, which all programs here read"
                            : "its files are not ours to see",
                    "run it as root, and give the process a hosts file of its own, as containers have");
        }
        String name = NetworkNamespace.name(namespace);
        Path ofName = Path.of("/etc/netns", name == null ? "NAME" : name, "hosts");
        if (name != null && Files.exists(ofName)) {
            return ofName;
        }
        throw new Failure.Unavailable(
                "the hosts file that the programs in network namespace " + namespace + " read is not edited from here",
                "hosts files are of mount namespaces, and there is no " + ofName,
                "name the namespace by the pid of one of these programs, or run meshcapture where they run");
    }

    /** Whether names are led to Envoy by somebody else, such as a pod's hostAliases. */
    boolean isWithoutHostsFile() {
        return NO_HOSTS_FILE.equals(hostsFile);
    }

    /** Where the files of the programs there are, as far as that is known: this host's own, or those of a process. */
    Path root() {
        Path process = namespace == null ? null : NetworkNamespace.process(namespace);
        return process == null ? Path.of("/") : process.resolve("root");
    }

    /** Options by which a later command of ours works in the same place, apart from the network namespace that it starts in. */
    List<String> options() {
        List<String> options = new ArrayList<>(
                List.of("--state-dir", stateDirectory.toAbsolutePath().toString()));
        if (allowHostNetwork) {
            options.add("--allow-host-network");
        }
        if (hostsFile != null) {
            options.add("--hosts-file=" + hostsFile.toAbsolutePath());
        }
        return options;
    }

    /** Likewise, and names are none of its business. */
    List<String> rulesAlone() {
        return new Place(namespace, allowHostNetwork, lockTimeout, stateDirectory, NO_HOSTS_FILE, environment, version)
                .options();
    }

    /** The same, in another network namespace. */
    Place in(String other) {
        return new Place(other, allowHostNetwork, lockTimeout, stateDirectory, hostsFile, environment, version);
    }

    /** What names of users and groups stand for there. */
    Accounts accounts() {
        return Accounts.in(namespace);
    }

    /** Runs a task in the namespace, whatever the privileges. */
    <T> T there(Callable<T> task) throws Exception {
        return NetworkNamespace.in(namespace == null ? null : NetworkNamespace.find(namespace), task);
    }

    /** Runs a task that only reads. */
    <T> T reading(Callable<T> task) throws Exception {
        return there(() -> {
            Privileges.requireNetAdmin();
            return task.call();
        });
    }

    /**
     * What stands, for somebody who only reads. Where it looks like the middle of a change, the run that makes it is waited
     * for, and what stands then is told.
     */
    LiveState settled(Backend backend) throws InterruptedException {
        LiveState live = backend.live();
        boolean nothingInForce =
                live.isPresent() && !live.isInForce() && live.owners().isEmpty();
        if (!live.hasLeftover() && !nothingInForce) {
            return live;
        }
        try {
            NamespaceLock lock = NamespaceLock.take(lockTimeout);
            try {
                return backend.live();
            } finally {
                lock.close();
            }
        } catch (Failure.Busy stillChanging) {
            return live;
        }
    }

    /**
     * Runs a task that changes the live state, alone.
     *
     * @throws Failure.Conflict in a container that shares the node's network namespace, unless that is allowed
     */
    <T> T changing(Callable<T> task) throws Exception {
        return mayChange(() -> {
            NamespaceLock lock = NamespaceLock.take(lockTimeout);
            try {
                LegacyTrace.putBack(new LoggerRecord());
                return task.call();
            } finally {
                lock.close();
            }
        });
    }

    /** Runs a task that may take its time and keeps nobody from working, where the live state may be changed. */
    <T> T mayChange(Callable<T> task) throws Exception {
        return there(() -> {
            Privileges.requireNetAdmin();
            if (!allowHostNetwork && HostFacts.isContainerOnTheNodesNetwork(environment)) {
                throw new Failure.Conflict(
                        "this container shares the node's network namespace",
                        "every process of the node would be affected",
                        "leave hostNetwork out, name another namespace with --netns, or insist with --allow-host-network");
            }
            return task.call();
        });
    }
}
