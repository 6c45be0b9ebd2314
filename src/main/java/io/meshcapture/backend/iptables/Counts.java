package io.meshcapture.backend.iptables;

import io.meshcapture.plan.Family;
import io.meshcapture.plan.Ports;
import io.meshcapture.rules.Decision;
import io.meshcapture.rules.InboundStep;
import java.util.List;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.function.BiConsumer;

/**
 * What the rules of a slot have counted: first packets of connections, since the nat table is asked about these alone.
 *
 * @param families what stands
 * @param slot the slot
 */
record Counts(Map<Family, Ruleset> families, Slot slot) {

    /** Connections of a service. */
    record OfService(long captured, long excepted, long rejected) {
        static final OfService NOTHING = new OfService(0, 0, 0);

        private OfService plus(OfService other) {
            return new OfService(captured + other.captured, excepted + other.excepted, rejected + other.rejected);
        }
    }

    /**
     * By service; one whose rules are all gone is not there.
     *
     * @param rejectsIpv6 whether what is captured of IPv6 is rejected
     */
    SortedMap<String, OfService> services(boolean rejectsIpv6) {
        SortedMap<String, OfService> counted = new TreeMap<>();
        forRules((family, rule) -> {
            LeafComment leaf = LeafComment.parse(rule.comment());
            if (leaf != null && leaf.service() != null) {
                String target = slot.plain(rule.target());
                boolean captures = target != null && StandingChains.listener(target) != null;
                boolean rejects = captures && rejectsIpv6 && family == Family.IPV6;
                long packets = rule.packets();
                OfService more = rejects
                        ? new OfService(0, 0, packets)
                        : captures ? new OfService(packets, 0, 0) : new OfService(0, packets, 0);
                counted.merge(leaf.service().value(), more, OfService::plus);
            }
        });
        return counted;
    }

    private void forRules(BiConsumer<Family, Rule> taker) {
        families.forEach((family, ruleset) -> ruleset.of(Table.NAT).chains().forEach((chain, rules) -> {
            if (slot.plain(chain) != null) {
                rules.forEach(rule -> taker.accept(family, rule));
            }
        }));
    }

    /** DNS queries and connections that were sent to Envoy. */
    long dns() {
        long[] sum = new long[1];
        forRules((family, rule) -> {
            String target = slot.plain(rule.target());
            sum[0] += target != null && StandingChains.dnsListener(target) != null ? rule.packets() : 0;
        });
        return sum[0];
    }

    /** First packets of QUIC that were rejected. */
    long quicRejected() {
        long[] sum = new long[1];
        forRules((family, rule) -> {
            boolean isIt = rule.comment().equals(Decision.Ending.REJECT_QUIC.why())
                    && rule.target().equals("MARK");
            sum[0] += isIt ? rule.packets() : 0;
        });
        return sum[0];
    }

    /** Connections to this host, those that were captured or those that were excepted. */
    long arrived(boolean excepted) {
        String why = new InboundStep.PortLookup(Ports.NONE, Ports.NONE).why();
        long sum = 0;
        for (Ruleset ruleset : families.values()) {
            for (Table table : List.of(Table.NAT, Table.MANGLE)) {
                for (Rule rule : ruleset.of(table).chains().getOrDefault(slot.chain("INBOUND"), List.of())) {
                    boolean isMeant =
                            rule.comment().equals(why) && rule.target().equals("RETURN") == excepted;
                    sum += isMeant ? rule.packets() : 0;
                }
            }
        }
        return sum;
    }
}
