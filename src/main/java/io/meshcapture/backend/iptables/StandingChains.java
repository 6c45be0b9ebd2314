package io.meshcapture.backend.iptables;

import io.meshcapture.failure.Failure;
import io.meshcapture.plan.BadValue;
import io.meshcapture.plan.Family;
import io.meshcapture.plan.InterfaceName;
import io.meshcapture.plan.Network;
import io.meshcapture.plan.Port;
import io.meshcapture.plan.PortRange;
import io.meshcapture.rules.Decision;
import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * The chains of a slot as they stand, in both families, and what words of their rules mean.
 *
 * @param families what stands of ours
 * @param slot the slot
 */
record StandingChains(Map<Family, Ruleset> families, Slot slot) {

    private static final String TO = "TO_";

    /** The names of its chains in the nat tables of both families, without what is the same for all. */
    Collection<String> names() {
        LinkedHashSet<String> names = new LinkedHashSet<>();
        for (Ruleset ruleset : families.values()) {
            for (String chain : ruleset.of(Table.NAT).chains().keySet()) {
                String plain = slot.plain(chain);
                if (plain != null) {
                    names.add(plain);
                }
            }
        }
        return names;
    }

    List<Rule> rules(Family family, Table table, String plain) {
        Ruleset ruleset = families.getOrDefault(family, new Ruleset());
        return ruleset.of(table).chains().getOrDefault(slot.chain(plain), List.of());
    }

    /** Of both families, IPv4 first. */
    List<Rule> all(Table table, String plain) {
        List<Rule> all = new ArrayList<>(rules(Family.IPV4, table, plain));
        all.addAll(rules(Family.IPV6, table, plain));
        return all;
    }

    /** What happens in the end to what a chain decides, as far as its rules say so. */
    List<Decision.Ending> endings(String plain) {
        List<Decision.Ending> endings = new ArrayList<>();
        for (Decision.Ending ending : Decision.Ending.values()) {
            if (all(Table.NAT, plain).stream().anyMatch(rule -> rule.comment().equals(ending.why()))) {
                endings.add(ending);
            }
        }
        return endings;
    }

    static long number(String value, Rule rule) {
        try {
            return Long.parseLong(value);
        } catch (NumberFormatException e) {
            throw notOurs(rule);
        }
    }

    /** {@code 80} or {@code 8000:8100}. */
    static PortRange range(String value, Rule rule) {
        try {
            int colon = value.indexOf(':');
            int first = Integer.parseInt(colon < 0 ? value : colon == 0 ? "0" : value.substring(0, colon));
            String end = colon < 0 ? value : value.substring(colon + 1);
            return new PortRange(first, end.isEmpty() ? 65535 : Integer.parseInt(end));
        } catch (IllegalArgumentException e) {
            throw notOurs(rule);
        }
    }

    static Network network(String text, Rule rule) {
        try {
            return Network.parse(text);
        } catch (BadValue e) {
            throw notOurs(rule);
        }
    }

    /** A prefix of names, which ends in {@code +} here, ends in an asterisk elsewhere. */
    static InterfaceName interfaceName(String value) {
        return new InterfaceName(value.endsWith("+") ? value.substring(0, value.length() - 1) + "*" : value);
    }

    /** Envoy's listener that a chain sends outbound connections to, or null. */
    static @Nullable Port listener(String plain) {
        return port(plain, TO);
    }

    static @Nullable Port dnsListener(String plain) {
        return port(plain, "TO_DNS_");
    }

    static @Nullable Port inboundListener(String plain) {
        return port(plain, "TO_IN_");
    }

    static @Nullable Port port(String plain, String prefix) {
        try {
            return plain.startsWith(prefix) ? Port.parse(plain.substring(prefix.length())) : null;
        } catch (BadValue e) {
            return null;
        }
    }

    /** The chain that decides what goes out, or null where it is not there. */
    @Nullable
    List<Rule> chainOf(Family family) {
        Ruleset ruleset = families.get(family);
        return ruleset == null ? null : ruleset.of(Table.NAT).chains().get(slot.chain("OUTPUT"));
    }

    static Failure.Conflict notOurs(Object rule) {
        return new Failure.Conflict(
                "the live chains hold a rule that meshcapture did not write",
                rule.toString(),
                "see the difference with: meshcapture check; repair it with: meshcapture apply");
    }
}
