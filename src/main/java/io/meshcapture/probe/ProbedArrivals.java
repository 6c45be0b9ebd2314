package io.meshcapture.probe;

import io.meshcapture.plan.Address;
import io.meshcapture.plan.Choices;
import io.meshcapture.plan.InterfaceName;
import io.meshcapture.rules.ArrivingSamples;
import io.meshcapture.rules.Decision;
import io.meshcapture.rules.Forwarding;
import io.meshcapture.rules.Sample;
import io.meshcapture.system.ArrivalDevice;
import io.meshcapture.system.FirstPacket;
import java.io.IOException;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Probes that arrive, as from other machines and from guests behind this host, on interfaces of their own. Guests are told by
 * the name of the interface: one can be made only where the plan names the beginning of names.
 */
final class ProbedArrivals implements AutoCloseable {
    static final ProbedArrivals NONE = new ProbedArrivals(false);

    /** So many are sent at most. */
    private static final int MOST = 64;

    private static final int MOST_DEVICES = 8;

    private final Map<String, ArrivalDevice> devices = new LinkedHashMap<>();
    private final List<Sample> samples = new ArrayList<>();
    private final List<String> notes = new ArrayList<>();
    private final boolean transparently;
    private int leftOut;

    private ProbedArrivals(boolean transparently) {
        this.transparently = transparently;
    }

    /**
     * Makes the interfaces that a decision takes.
     *
     * @param own the addresses of this host
     */
    static ProbedArrivals of(Decision decision, Set<Address> own) {
        boolean transparently = decision.inbound() != null && decision.inbound().mode() == Choices.InboundMode.TPROXY;
        ProbedArrivals all = new ProbedArrivals(transparently);
        if (decision.inbound() != null) {
            String device = ArrivalDevice.NAME + "0";
            String what = "inbound connections";
            ArrivalDevice opened = all.open(ArrivalDevice.NAME, what);
            if (opened != null) {
                Set<Address> lasting = new HashSet<>(own);
                lasting.removeIf(ArrivalDevice::isOfOne);
                all.take(ArrivingSamples.of(decision, lasting, device, opened::sender), opened, what);
            }
        }
        Forwarding forwarding = decision.forwarding();
        for (InterfaceName name : forwarding == null ? List.<InterfaceName>of() : forwarding.interfaces()) {
            all.guests(decision, own, name.value());
        }
        return all;
    }

    private void guests(Decision decision, Set<Address> own, String name) {
        String what = "connections of guests on " + name;
        if (!name.endsWith("*")) {
            notes.add(what + " were not probed, since only they can send on that"
                    + " interface; try: meshcapture explain DESTINATION --from-address ADDRESS, and meshcapture trace");
            return;
        }
        String stem = name.substring(0, name.length() - 1);
        ArrivalDevice opened = open(stem, what);
        if (opened != null) {
            take(ArrivingSamples.ofGuests(decision, own, stem + "0", opened::sender), opened, what);
        }
    }

    private void take(List<Sample> found, ArrivalDevice device, String what) {
        boolean isWhole = true;
        for (Sample sample : found) {
            if (!device.takes(sample.connection().destination().family())) {
                isWhole = false;
            } else if (samples.size() < MOST) {
                samples.add(sample);
            } else {
                leftOut++;
            }
        }
        if (!isWhole) {
            notes.add(what + " over IPv6 were not probed, since new interfaces have no IPv6 here"
                    + " (net.ipv6.conf.default.disable_ipv6); try: meshcapture explain");
        }
    }

    private @Nullable ArrivalDevice open(String stem, String what) {
        try {
            if (devices.size() >= MOST_DEVICES) {
                throw new IOException("there are too many interfaces");
            }
            ArrivalDevice opened = ArrivalDevice.open(stem);
            devices.put(stem, opened);
            return opened;
        } catch (IOException e) {
            notes.add(what + " were not probed, since no interface of our own can be made for them to arrive on ("
                    + e.getMessage() + "); run it as root where /dev/net/tun is, or try: meshcapture explain");
            return null;
        }
    }

    List<Sample> samples() {
        return samples;
    }

    List<String> notes() {
        return notes;
    }

    /** How many more there would have been. */
    int leftOut() {
        return leftOut;
    }

    /** What the names of the interfaces begin with. */
    List<String> stems() {
        return List.copyOf(devices.keySet());
    }

    /** Whether Envoy may take what arrives by a transparent socket. */
    boolean areTakenTransparently() {
        return transparently && !devices.isEmpty();
    }

    /** The one that a sample arrives by. */
    FirstPacket open(Sample sample) throws IOException {
        String device = String.valueOf(sample.connection().device());
        for (Map.Entry<String, ArrivalDevice> each : devices.entrySet()) {
            if (device.equals(each.getKey() + "0")) {
                return each.getValue().tcp(sample.connection().destination().family());
            }
        }
        throw new IllegalStateException(device);
    }

    @Override
    public void close() {
        devices.values().forEach(ArrivalDevice::close);
    }
}
