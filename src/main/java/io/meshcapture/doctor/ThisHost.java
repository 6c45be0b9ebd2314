package io.meshcapture.doctor;

import io.meshcapture.backend.nftables.Feature;
import io.meshcapture.backend.nftables.LoggerRecord;
import io.meshcapture.backend.nftables.NamedChain;
import io.meshcapture.backend.nftables.NftablesBackend;
import io.meshcapture.plan.PortRange;
import io.meshcapture.system.HostFacts;
import io.meshcapture.system.IptablesVersions;
import io.meshcapture.system.LegacyTables;
import io.meshcapture.system.LegacyTrace;
import io.meshcapture.system.NetworkNamespace;
import io.meshcapture.system.Privileges;
import io.meshcapture.system.ResolvConf;
import io.meshcapture.system.SocketTable;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.DatagramPacket;
import java.net.DatagramSocket;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * This host, and the calling thread's network namespace in it.
 *
 * @param namespace as {@code --netns} names it, or null for the calling thread's own
 * @param environment the process's
 */
record ThisHost(@Nullable String namespace, Map<String, String> environment) implements Host {

    /** Far longer than a packet takes that does not leave the kernel, on a busy machine too. */
    private static final int LOOPBACK_MILLISECONDS = 500;

    @Override
    public HostFiles files() {
        return HostFiles.ofThisHost();
    }

    @Override
    public boolean isNetAdmin() {
        return Privileges.isNetAdmin();
    }

    @Override
    public boolean sharesNodesNetwork() {
        return HostFacts.isContainerOnTheNodesNetwork(environment);
    }

    @Override
    public void loadLibrary() {
        NftablesBackend.prepare();
    }

    @Override
    public Map<Feature, String> missingFeatures() throws Exception {
        return Feature.missing();
    }

    @Override
    public List<String> iptables() {
        return IptablesVersions.installed();
    }

    @Override
    public List<Finding> kernelAsRootOfItsOwn() {
        return new UnprivilegedKernel().examine();
    }

    @Override
    public List<NamedChain> chains() {
        return NamedChain.ofOthers();
    }

    @Override
    public String legacyRules() {
        return LegacyTables.rules();
    }

    @Override
    public List<String> shadows() {
        try (NftablesBackend backend = NftablesBackend.open()) {
            return backend.shadows(backend.liveOfAnyVersion());
        }
    }

    @Override
    public boolean hasLeftTrace() {
        return LegacyTrace.hasLeft(new LoggerRecord());
    }

    /** Tried: where it is switched off, its routes stay, and what is sent is dropped without a word. */
    @Override
    public boolean hasLoopback() {
        try (DatagramSocket socket = new DatagramSocket(new InetSocketAddress(InetAddress.ofLiteral("127.0.0.1"), 0))) {
            socket.connect(socket.getLocalSocketAddress());
            socket.setSoTimeout(LOOPBACK_MILLISECONDS);
            socket.send(new DatagramPacket(new byte[1], 1));
            socket.receive(new DatagramPacket(new byte[1], 1));
            return true;
        } catch (IOException | UncheckedIOException e) {
            return false; // nothing came back, or there is no such address
        }
    }

    @Override
    public List<SocketTable.Open> connections() {
        return SocketTable.open();
    }

    @Override
    public List<SocketTable.Listening> servers() {
        return SocketTable.listening();
    }

    @Override
    public PortRange ephemeralPorts() {
        return HostFacts.ephemeralPorts();
    }

    @Override
    public ResolvConf resolvConf() {
        return ResolvConf.of(namespace);
    }

    @Override
    public String networkNamespace() {
        return NetworkNamespace.identity();
    }
}
