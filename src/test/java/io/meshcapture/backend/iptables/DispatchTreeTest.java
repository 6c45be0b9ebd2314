package io.meshcapture.backend.iptables;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.meshcapture.plan.Network;
import io.meshcapture.plan.PortRange;
import io.meshcapture.rules.CallerKey;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Test;

class DispatchTreeTest {

    private static Leaf leaf(Network network, CallerKey caller, PortRange ports) {
        return new Leaf(caller, network, List.of(ports), false, "orders, look-up 1", null);
    }

    private static Map<String, List<Rule>> tree(List<Leaf> leaves) {
        Map<String, List<Rule>> chains = new LinkedHashMap<>();
        new DispatchTree(
                        chains,
                        leaf -> Rule.of(leaf.matches(), leaf.comment(), "-j RETURN"),
                        name -> Slot.SECOND.chain(name))
                .write("X1", leaves);
        return chains;
    }

    @Test
    void every_rule_stands_in_it_once_and_no_chain_is_long() throws Exception {
        Random random = new Random(7);
        List<Leaf> leaves = new ArrayList<>();
        for (int i = 0; i < 3000; i++) {
            leaves.add(
                    leaf(Network.parse("10." + i / 250 + "." + i % 250 + ".0/24"), CallerKey.ANYBODY, PortRange.ALL));
            leaves.add(
                    leaf(Network.ALL_IPV4, new CallerKey(null, (long) random.nextInt(1 << 30), null), PortRange.ALL));
            int port = 1 + 20 * i % 65000;
            leaves.add(leaf(Network.ALL_IPV4, CallerKey.ANYBODY, new PortRange(port, port + 3)));
        }
        Map<String, List<Rule>> chains = tree(leaves);
        long written = chains.values().stream()
                .flatMap(List::stream)
                .filter(rule -> rule.target().equals("RETURN"))
                .count();
        assertEquals(leaves.size(), written);
        chains.forEach((name, rules) -> {
            assertTrue(rules.size() <= 3 * DispatchTree.FEW, name + " has " + rules.size());
            assertTrue(name.length() <= 28, name);
            assertEquals(true, Slot.isOurs(name), name);
        });
    }

    @Test
    void ten_thousand_networks_are_a_few_dozen_questions() throws Exception {
        List<Leaf> leaves = new ArrayList<>();
        for (int i = 0; i < 10_000; i++) {
            leaves.add(
                    leaf(Network.parse("10." + i / 250 + "." + i % 250 + ".0/24"), CallerKey.ANYBODY, PortRange.ALL));
        }
        Map<String, List<Rule>> chains = tree(leaves);
        String root = Slot.SECOND.chain("X1");
        assertTrue(questions(chains, root) <= 100, "at worst " + questions(chains, root));
    }

    private static int questions(Map<String, List<Rule>> chains, String chain) {
        int worst = 0;
        for (Rule rule : chains.getOrDefault(chain, List.of())) {
            if (chains.containsKey(rule.target())) {
                worst = Math.max(worst, questions(chains, rule.target()));
            }
        }
        return chains.getOrDefault(chain, List.of()).size() + worst;
    }

    @Test
    void one_network_more_changes_few_chains() throws Exception {
        List<Leaf> leaves = new ArrayList<>();
        for (int i = 0; i < 2000; i++) {
            leaves.add(
                    leaf(Network.parse("10." + i / 250 + "." + i % 250 + ".0/24"), CallerKey.ANYBODY, PortRange.ALL));
        }
        Map<String, List<Rule>> before = tree(leaves);
        leaves.add(leaf(Network.parse("10.3.7.128/25"), CallerKey.ANYBODY, PortRange.ALL));
        leaves.sort((one, other) -> one.network().compareTo(other.network()));
        Map<String, List<Rule>> after = tree(leaves);
        long changed = after.entrySet().stream()
                .filter(chain -> !chain.getValue().equals(before.get(chain.getKey())))
                .count();
        assertTrue(changed <= 4, changed + " of " + after.size() + " chains change");
    }
}
