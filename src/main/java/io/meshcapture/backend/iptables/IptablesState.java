package io.meshcapture.backend.iptables;

import io.meshcapture.backend.LiveState;
import io.meshcapture.backend.Owned;
import io.meshcapture.failure.Failure;
import io.meshcapture.plan.Choices;
import io.meshcapture.plan.Family;
import io.meshcapture.plan.Port;
import io.meshcapture.plan.ServiceName;
import io.meshcapture.rules.Decision;
import io.meshcapture.rules.InboundDecision;
import io.meshcapture.rules.ServiceRules;
import io.meshcapture.rules.Step;
import io.meshcapture.system.KernelClock;
import java.time.Duration;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** What stands in the tables of one flavour now. */
final class IptablesState implements LiveState {

    private final Map<Family, Ruleset> families;
    private final Memory memory;
    private final StandingSlots slots;
    private final @Nullable Slot inForce;

    /**
     * Takes it apart.
     *
     * @param families everything that stands, rules of others included
     */
    IptablesState(Map<Family, Ruleset> families) {
        this.families = families;
        this.slots = StandingSlots.of(families);
        this.inForce = slots.inForce();
        Map<String, List<Rule>> nat = of(Family.IPV4).of(Table.NAT).chains();
        this.memory = Memory.read(
                nat.getOrDefault(Slot.HOME, List.of()),
                nat.getOrDefault(slots.considered().chain("NOTES"), List.of()));
    }

    private Ruleset of(Family family) {
        return families.getOrDefault(family, new Ruleset());
    }

    Map<Family, Ruleset> families() {
        return families;
    }

    Memory memory() {
        return memory;
    }

    /** The slot that new connections are decided by, or null for none. */
    @Nullable
    Slot slot() {
        return inForce;
    }

    /** The slot that is compared and changed. */
    Slot considered() {
        return slots.considered();
    }

    /** What stands of ours in both families. */
    Map<Family, Ruleset> ours() {
        Map<Family, Ruleset> ours = new EnumMap<>(Family.class);
        families.forEach((family, ruleset) -> ours.put(family, Standing.ours(ruleset, null)));
        return ours;
    }

    private StandingDecision in(Slot slot) {
        return new StandingDecision(families, slot);
    }

    @Override
    public boolean isInForce() {
        return inForce != null;
    }

    @Override
    public Optional<Duration> trial() {
        Long ends = memory.trialEnds();
        return ends == null || inForce == null
                ? Optional.empty()
                : Optional.of(Duration.ofMillis(Math.max(0, ends - KernelClock.millis())));
    }

    /** What ends a trial takes its rules away as well. */
    @Override
    public boolean hasEndedTrial() {
        return false;
    }

    @Override
    public boolean hasLeftover() {
        return inForce != null && memory.trialEnds() == null && slots.holds(inForce.other());
    }

    @Override
    public Map<Long, Owned> owners() {
        Map<Long, Owned> owners = new LinkedHashMap<>();
        for (Rule rule : of(Family.IPV4).of(Table.NAT).chains().getOrDefault(Slot.OWNERS, List.of())) {
            OwnerRules.read(rule, owners);
        }
        return owners;
    }

    @Override
    public List<Decision> decisions() {
        try {
            return inForce == null ? List.of() : List.of(in(inForce).read());
        } catch (Failure.Conflict editedByHand) {
            return List.of();
        }
    }

    /** The slot that a trial falls back to, or null for none. */
    @Nullable
    Slot behindTrial() {
        return inForce != null && memory.trialEnds() != null && slots.holds(inForce.other()) ? inForce.other() : null;
    }

    @Override
    public @Nullable Decision decisionBehindTrial() {
        Slot behind = behindTrial();
        try {
            return behind == null ? null : in(behind).read();
        } catch (Failure.Conflict editedByHand) {
            return null;
        }
    }

    @Override
    public boolean canBeBuiltUpon() {
        return isPresent();
    }

    @Override
    public List<LiveService> servicesBehindTrial() {
        Slot behind = behindTrial();
        return behind == null ? List.of() : services(behind);
    }

    @Override
    public boolean isPresent() {
        return ours().values().stream().anyMatch(ruleset -> !ruleset.isEmpty());
    }

    @Override
    public List<LiveService> services() {
        return inForce == null ? List.of() : services(inForce);
    }

    private List<LiveService> services(Slot slot) {
        Map<String, Counts.OfService> counted = new Counts(families, slot).services(ipv6() == Choices.Ipv6.REJECT);
        Memory notes = Memory.read(
                List.of(), of(Family.IPV4).of(Table.NAT).chains().getOrDefault(slot.chain("NOTES"), List.of()));
        notes.services().keySet().forEach(name -> counted.putIfAbsent(name, Counts.OfService.NOTHING));
        List<LiveService> services = new ArrayList<>();
        counted.forEach((name, packets) -> {
            Memory.ServiceNote note = notes.services().getOrDefault(name, new Memory.ServiceNote("", "", null));
            services.add(new LiveService(
                    name,
                    note.digest(),
                    note.version(),
                    note.since(),
                    packets.captured(),
                    packets.excepted(),
                    packets.rejected()));
        });
        return services;
    }

    @Override
    public Set<String> servicesOfGoneGroups() {
        return new StandingGroups(slots).servicesOfGone();
    }

    /** The ids of the control groups that a decision asks for, by path. */
    Map<String, Long> groups(Decision decision) {
        return new StandingGroups(slots).ids(decision);
    }

    @Override
    public Decision decision() {
        return in(considered()).read();
    }

    @Override
    public Map<ServiceName, ServiceRules> standing() {
        return inForce == null ? Map.of() : in(inForce).services();
    }

    @Override
    public Map<ServiceName, ServiceRules> standingWithGoneGroups() {
        return inForce == null ? new LinkedHashMap<>() : in(inForce).servicesWithGoneGroups();
    }

    @Override
    public Choices.@Nullable Ipv6 ipv6() {
        if (inForce == null) {
            return null;
        }
        Slot slot = inForce;
        Map<String, List<Rule>> nat = of(Family.IPV6).of(Table.NAT).chains();
        if (!nat.containsKey(slot.chain("OUTPUT"))) {
            return Choices.Ipv6.BYPASS;
        }
        boolean rejects = nat.entrySet().stream()
                .anyMatch(chain -> slot.plain(chain.getKey()) != null
                        && chain.getValue().stream()
                                .anyMatch(rule -> rule.comment().equals(Decision.Ending.REJECT_IPV6.why())));
        return rejects ? Choices.Ipv6.REJECT : Choices.Ipv6.CAPTURE;
    }

    private @Nullable Port dns(Slot slot) {
        Step.Dns dns = in(slot).dns();
        return dns == null ? null : dns.listener();
    }

    @Override
    public Optional<Port> dns() {
        return inForce == null ? Optional.empty() : Optional.ofNullable(dns(inForce));
    }

    @Override
    public long dnsCaptured() {
        return inForce == null ? 0 : new Counts(families, inForce).dns();
    }

    @Override
    public long quicRejected() {
        return inForce == null ? 0 : new Counts(families, inForce).quicRejected();
    }

    @Override
    public boolean holdsDns() {
        return dns().isPresent() || holdsDnsBehindTrial();
    }

    @Override
    public boolean holdsDnsBehindTrial() {
        Slot behind = behindTrial();
        return behind != null && dns(behind) != null;
    }

    @Override
    public boolean hasEverCapturedDns() {
        return dns(Slot.FIRST) != null || dns(Slot.SECOND) != null;
    }

    @Override
    public Optional<LiveInboundCapture> inbound() {
        Slot slot = inForce;
        InboundDecision inbound = null;
        try {
            inbound = slot == null ? null : in(slot).inbound();
        } catch (Failure.Conflict editedByHand) {
            return Optional.empty(); // check tells what of it stands
        }
        if (slot == null || inbound == null) {
            return Optional.empty();
        }
        Counts counts = new Counts(families, slot);
        return Optional.of(new LiveInboundCapture(
                inbound.mode(), inbound.listener(), counts.arrived(false), counts.arrived(true)));
    }

    @Override
    public boolean holdsInbound() {
        return inbound().isPresent() || holdsInboundBehindTrial();
    }

    @Override
    public boolean holdsInboundBehindTrial() {
        Slot behind = behindTrial();
        return behind != null && in(behind).names().contains("INBOUND");
    }

    @Override
    public boolean isForwarding() {
        return in(Slot.FIRST).names().contains("FWD") || in(Slot.SECOND).names().contains("FWD");
    }

    @Override
    public List<Port> inboundListeners() {
        return memory.inboundListeners().stream().map(Port::new).toList();
    }

    @Override
    public List<Port> listeners() {
        return memory.listeners().stream().map(Port::new).toList();
    }
}
