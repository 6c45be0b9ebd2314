package io.meshcapture.doctor;

import io.meshcapture.backend.nftables.Feature;
import io.meshcapture.backend.nftables.NamedChain;
import io.meshcapture.plan.PortRange;
import io.meshcapture.system.ResolvConf;
import io.meshcapture.system.SocketTable.Listening;
import io.meshcapture.system.SocketTable.Open;
import java.util.List;
import java.util.Map;

/** What is examined: files, and what only the kernel tells. {@link ThisHost}, or one that a test lays out. */
interface Host {

    HostFiles files();

    /** Whether this process may look at rules. */
    boolean isNetAdmin();

    /** Whether it is in a container that has the node's own network namespace. */
    boolean sharesNodesNetwork();

    /** Loads libnftables.
     *
     * @throws io.meshcapture.failure.Failure.Unavailable where it does not load
     */
    void loadLibrary();

    /** The programs of iptables that are installed, in their own words, such as {@code iptables v1.8.9 (nf_tables)}. */
    List<String> iptables();

    /** Features that are missing, and the kernel's reasons. */
    Map<Feature, String> missingFeatures() throws Exception;

    /**
     * What is found of the kernel by somebody who has no privilege, as root of a user namespace of its own; none where no such
     * namespace can be made.
     */
    List<Finding> kernelAsRootOfItsOwn();

    /** Chains of nftables that are not ours. */
    List<NamedChain> chains();

    /** What iptables-legacy-save and ip6tables-legacy-save print. */
    String legacyRules();

    /** A sentence for each chain that takes connections before ours is asked. */
    List<String> shadows();

    /** Whether a trace that was killed has left a setting of this network namespace as it needed it. */
    boolean hasLeftTrace();

    /** Whether a packet to 127.0.0.1 comes back. */
    boolean hasLoopback();

    List<Open> connections();

    List<Listening> servers();

    PortRange ephemeralPorts();

    /** The DNS servers.
     *
     * @throws io.meshcapture.failure.Failure.Conflict where they cannot be read
     */
    ResolvConf resolvConf();

    /** The network namespace whose processes count, as in {@code net:[4026531840]}. */
    String networkNamespace();
}
