package io.meshcapture.config;

import io.meshcapture.plan.BadValue;
import io.meshcapture.plan.Origin;
import org.jspecify.annotations.Nullable;
import org.yaml.snakeyaml.LoaderOptions;
import org.yaml.snakeyaml.composer.Composer;
import org.yaml.snakeyaml.error.Mark;
import org.yaml.snakeyaml.error.MarkedYAMLException;
import org.yaml.snakeyaml.nodes.Node;
import org.yaml.snakeyaml.nodes.NodeId;
import org.yaml.snakeyaml.nodes.Tag;
import org.yaml.snakeyaml.parser.ParserImpl;
import org.yaml.snakeyaml.reader.StreamReader;
import org.yaml.snakeyaml.resolver.Resolver;

/**
 * A plan's YAML as a tree of nodes with places. Only the lower half of snakeyaml is used, which knows no Java types:
 * nothing in a document can name a class, and the start costs 6 ms instead of 30.
 */
final class YamlDocument {
    private YamlDocument() {}

    /** The root of the one document, or null where there is a problem. */
    static @Nullable Node compose(PlanSource source, Problems problems) {
        String text = PlanText.decode(source, problems);
        if (text == null) {
            return null;
        }
        String name = BadValue.printable(source.name());
        LoaderOptions options = new LoaderOptions();
        options.setCodePointLimit(Integer.MAX_VALUE); // whoever read the bytes has bounded them
        options.setNestingDepthLimit(Integer.MAX_VALUE); // EventGuard bounds both, in our words
        options.setMaxAliasesForCollections(Integer.MAX_VALUE);
        EventGuard guard = new EventGuard(new ParserImpl(new StreamReader(text), options));
        try {
            Node root = new Composer(guard, new NoTypes(), options).getSingleNode();
            if (root == null || Nodes.isNull(root)) {
                addEmpty(name, problems);
                return null;
            }
            return root;
        } catch (YamlRefused refused) {
            problems.add(at(name, refused.mark()), refused.what(), refused.mend());
        } catch (MarkedYAMLException malformed) {
            YamlMistake.add(name, malformed, problems);
        }
        return null;
    }

    /** A plan without a word in it is more likely a file that was cut off than a wish to remove every service. */
    static void addEmpty(String name, Problems problems) {
        problems.add(
                Origin.of(name),
                "the plan is empty",
                "write a plan; to remove every service, write services: {} in it");
    }

    static Origin at(String name, @Nullable Mark mark) {
        return mark == null ? Origin.of(name) : new Origin(name, mark.getLine() + 1, mark.getColumn() + 1);
    }

    /** Every scalar is text: no regular expressions that look for numbers, dates and booleans. */
    private static final class NoTypes extends Resolver {
        @Override
        protected void addImplicitResolvers() {
            // none
        }

        @Override
        public Tag resolve(NodeId kind, String value, boolean implicit) {
            return switch (kind) {
                case scalar, anchor -> Tag.STR;
                case sequence -> Tag.SEQ;
                case mapping -> Tag.MAP;
            };
        }
    }
}
