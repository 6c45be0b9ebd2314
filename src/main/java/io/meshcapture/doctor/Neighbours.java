package io.meshcapture.doctor;

import io.meshcapture.backend.nftables.NamedChain;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;

/**
 * Whose rules stand here besides ours, told by the names of their tables and chains.
 *
 * @param chains of nftables, iptables-nft's included
 * @param legacy what iptables-legacy-save and ip6tables-legacy-save print, or empty
 * @param shadows a sentence for each chain that takes connections before ours is asked
 */
record Neighbours(List<NamedChain> chains, String legacy, List<String> shadows) implements Examination {

    private static final Set<String> BUILT_IN = Set.of("PREROUTING", "INPUT", "FORWARD", "OUTPUT", "POSTROUTING");

    Neighbours {
        chains = List.copyOf(chains);
        shadows = List.copyOf(shadows);
    }

    @Override
    public List<Finding> examine() {
        List<Finding> findings = new ArrayList<>();
        Map<Owner, String> found = new LinkedHashMap<>();
        for (NamedChain chain : chains) {
            Owner owner = Owner.of(chain.table(), chain.name());
            if (owner != null) {
                found.putIfAbsent(
                        owner,
                        chain.name().isEmpty()
                                ? "table " + chain.table()
                                : "chain " + chain.name() + " in table " + chain.table());
            }
        }
        String table = "";
        int legacyRules = 0;
        for (String line : legacy.split("\n", -1)) {
            if (line.startsWith("*")) {
                table = line.substring(1);
            } else if (line.startsWith("-A ")) {
                legacyRules++;
            } else if (line.startsWith(":")) {
                String name = line.substring(1).split(" ", 2)[0];
                Owner owner = Owner.of("", name);
                if (owner != null) {
                    found.putIfAbsent(owner, "chain " + name + " in table " + table + " (iptables-legacy)");
                }
            }
        }
        found.forEach((owner, where) -> findings.add(owner.finding(where)));
        Set<String> ofIptables = tablesOfIptables();
        if (!ofIptables.isEmpty()) {
            findings.add(Finding.note(
                    Topic.RULES,
                    "rules.iptables-nft",
                    "iptables-nft has tables here: " + String.join(", ", ofIptables),
                    "they are asked beside ours; what translates connections there comes after ours",
                    ""));
        }
        if (legacyRules > 0) {
            findings.add(Finding.note(
                    Topic.RULES,
                    "rules.legacy",
                    "iptables-legacy holds " + legacyRules + " rules",
                    "they are asked beside those of nftables; what translates connections there comes after ours",
                    ""));
        }
        dropping(findings);
        for (String shadow : shadows) {
            findings.add(Finding.conflict(
                    Topic.RULES,
                    "rules.shadow",
                    shadow,
                    "it is asked before ours, and we never see the connections that it takes",
                    "change that rule where it comes from, or its chain's priority"));
        }
        if (findings.isEmpty()) {
            findings.add(Finding.ok(Topic.RULES, "rules.none", "nobody whom we know has rules here"));
        }
        return findings;
    }

    /** Its chains at the hooks have names in capital letters, as those of the legacy flavour, and are tables' only ones that do. */
    private Set<String> tablesOfIptables() {
        return chains.stream()
                .filter(chain -> !chain.hook().isEmpty() && BUILT_IN.contains(chain.name()))
                .map(NamedChain::table)
                .filter(table -> table.startsWith("ip ") || table.startsWith("ip6 "))
                .filter(table -> chains.stream()
                        .noneMatch(chain -> chain.table().equals(table)
                                && chain.name().startsWith("MESHCAPTURE"))) // ours are no neighbours
                .collect(Collectors.toCollection(TreeSet::new));
    }

    private void dropping(List<Finding> findings) {
        for (NamedChain chain : chains) {
            if (chain.hook().contains("hook output") && chain.hook().contains("policy drop")) {
                findings.add(Finding.note(
                        Topic.RULES,
                        "rules.output-drop",
                        "chain " + chain.name() + " in table " + chain.table()
                                + " drops what it does not know on the way out",
                        "captured connections go to 127.0.0.1 and ::1 and have to pass there; this hook still sees the interface"
                                + " that they would have left by, so that accepting what leaves through lo is not enough",
                        "accept what goes to loopback (ip daddr 127.0.0.0/8 accept, ip6 daddr ::1 accept), or to Envoy's"
                                + " ports"));
            }
        }
    }
}
