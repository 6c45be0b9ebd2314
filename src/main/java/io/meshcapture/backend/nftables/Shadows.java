package io.meshcapture.backend.nftables;

import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Finds nat chains of other tables that are asked before ours and translate destinations: what they take, we never see. */
final class Shadows {

    private static final Pattern TABLE = Pattern.compile("table (\\S+) (\\S+) \\{");
    private static final Pattern CHAIN = Pattern.compile("\\s*chain (\\S+) \\{");
    private static final Pattern HOOK =
            Pattern.compile("\\s*type nat hook output priority (?:[a-z]+ ?[+-] ?)?(-?\\d+); .*");

    /** Ours; see {@link RulesetRenderer}. */
    private static final int PRIORITY = -101;

    private Shadows() {}

    /** One sentence each, naming table, chain and the first rule that translates. */
    static List<String> find(NftContext nft) {
        List<String> found = new ArrayList<>();
        String table = "";
        String chain = "";
        for (String line : nft.run("list chains", io.meshcapture.ffi.LibNftables.OUTPUT_STATELESS)
                .output()
                .split("\n", -1)) {
            Matcher tableLine = TABLE.matcher(line);
            Matcher chainLine = CHAIN.matcher(line);
            Matcher hookLine = HOOK.matcher(line);
            if (tableLine.matches()) {
                table = tableLine.group(1) + " " + tableLine.group(2);
            } else if (chainLine.matches()) {
                chain = chainLine.group(1);
            } else if (hookLine.matches()
                    && !table.equals(Ruleset.TABLE)
                    && Integer.parseInt(hookLine.group(1)) <= PRIORITY) {
                addTranslating(nft, table, chain, hookLine.group(1), found);
            }
        }
        return found;
    }

    private static void addTranslating(
            NftContext nft, String table, String chain, String priority, List<String> found) {
        String listing = nft.run("list chain " + table + " " + chain, io.meshcapture.ffi.LibNftables.OUTPUT_STATELESS)
                .output();
        for (String line : listing.split("\n", -1)) {
            String rule = line.strip();
            if (rule.contains("redirect") || rule.contains("dnat") || rule.contains("jump") || rule.contains("goto")) {
                found.add("table " + table + " chain " + chain + " (priority " + priority + "): " + rule);
                return;
            }
        }
    }
}
