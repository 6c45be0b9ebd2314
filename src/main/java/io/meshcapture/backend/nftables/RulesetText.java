package io.meshcapture.backend.nftables;

import io.meshcapture.backend.nftables.Ruleset.Chain;
import io.meshcapture.backend.nftables.Ruleset.Element;
import io.meshcapture.backend.nftables.Ruleset.NftSet;
import java.util.List;

/**
 * A ruleset as text, in the shape of nft's own listing. Elements that are too many for one message follow as commands;
 * see {@link Transaction#AT_ONCE}.
 */
final class RulesetText {
    private RulesetText() {}

    static String of(Ruleset ruleset) {
        StringBuilder text = new StringBuilder(4096);
        StringBuilder further = new StringBuilder();
        text.append("table ").append(Ruleset.TABLE).append(" {\n");
        text.append("\tcomment \"").append(ruleset.comment()).append("\"\n");
        for (NftSet set : ruleset.sets().values()) {
            text.append("\n\t")
                    .append(set.keyword())
                    .append(' ')
                    .append(set.name())
                    .append(" {\n");
            set.declaration().forEach(line -> text.append("\t\t").append(line).append('\n'));
            String separator = "\t\telements = { ";
            List<Element> elements = List.copyOf(set.elements().values());
            int here = Math.min(Transaction.AT_ONCE, elements.size());
            for (Element element : elements.subList(0, here)) {
                text.append(separator).append(element.text());
                separator = ",\n\t\t\t     ";
            }
            text.append(elements.isEmpty() ? "" : " }\n").append("\t}\n");
            Transaction.elements(further, "add", set, elements.subList(here, elements.size()));
        }
        for (Chain chain : ruleset.chains().values()) {
            text.append("\n\tchain ").append(chain.name()).append(" {\n");
            if (chain.base() != null) {
                text.append("\t\t").append(chain.base()).append('\n');
            }
            chain.rules().forEach(rule -> text.append("\t\t").append(rule).append('\n'));
            text.append("\t}\n");
        }
        return text.append("}\n").append(further).toString();
    }
}
