package io.meshcapture.backend.iptables;

import io.meshcapture.plan.Family;
import java.util.List;

/** The jumps from built-in chains to the chains of a slot that are there; one each, but for two kinds of packets in raw. */
final class Jumps {

    /** A chain that is jumped to, and from where. */
    private record Jump(Table table, String from, String plain) {}

    private static final List<Jump> ALL = List.of(
            new Jump(Table.FILTER, "INPUT", "ENTERING"),
            new Jump(Table.FILTER, "FORWARD", "PASSING"),
            new Jump(Table.FILTER, "OUTPUT", "LEAVING"),
            new Jump(Table.RAW, "OUTPUT", "ZONE"),
            new Jump(Table.RAW, "PREROUTING", "GUESTS"),
            new Jump(Table.MANGLE, "PREROUTING", "INTERCEPTED"),
            new Jump(Table.NAT, "PREROUTING", "ARRIVING"),
            new Jump(Table.NAT, "OUTPUT", "OUTPUT"));

    private Jumps() {}

    /** Most packets are no DNS. */
    private static List<String> matches(String plain, Family family) {
        return switch (plain) {
            case "ZONE" -> ZoneRules.asked(family);
            case "GUESTS" -> List.of("-p udp");
            default -> List.of("");
        };
    }

    /** Adds the jumps to those of a slot's chains that a ruleset has. */
    static void to(Slot slot, Ruleset ruleset, Family family) {
        for (Jump jump : ALL) {
            String chain = slot.chain(jump.plain);
            if (ruleset.of(jump.table).chains().containsKey(chain)) {
                for (String matches : matches(jump.plain, family)) {
                    ruleset.in(jump.table)
                            .jump(jump.from, Rule.of((matches.isEmpty() ? "" : matches + " ") + "-j " + chain));
                }
            }
        }
    }
}
