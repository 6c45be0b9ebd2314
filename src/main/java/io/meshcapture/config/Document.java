package io.meshcapture.config;

import io.meshcapture.plan.BadValue;
import io.meshcapture.plan.Origin;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.yaml.snakeyaml.nodes.MappingNode;
import org.yaml.snakeyaml.nodes.Node;
import org.yaml.snakeyaml.nodes.NodeTuple;
import org.yaml.snakeyaml.nodes.ScalarNode;

/**
 * The plan's file taken apart into its sections.
 *
 * @param origin stands for the whole document, or for the command line where there is none
 * @param given whether there is a document
 * @param sections the sections that settings stand in, by their key; the top level by ""
 */
record Document(Origin origin, boolean given, Map<String, Section> sections) {

    private static final List<String> KEYS = List.of(
            "version",
            "envoy",
            "backend",
            "ipv6",
            "udp443",
            "invalid",
            "hosts-ports",
            "on-envoy-down",
            "except",
            "services",
            "inbound",
            "dns",
            "zones",
            "interfaces");

    private static final Map<String, List<String>> SECTIONS = Map.of(
            "envoy", List.of("user", "group", "outbound", "inbound", "dns", "admin"),
            "inbound", List.of("mode", "to", "except"),
            "dns", List.of("servers"),
            "interfaces", List.of("except", "outbound"));

    /** No plan at all. */
    static Document none() {
        return new Document(Origin.of("command line"), false, Map.of());
    }

    static Document read(PlanSource source, Nodes nodes, Problems problems) {
        Origin origin = Origin.of(BadValue.printable(source.name()));
        Node root = YamlDocument.compose(source, problems);
        Section top = root == null ? null : nodes.section("", root, KEYS);
        if (top == null) {
            return new Document(origin, true, Map.of());
        }
        checkVersion(top, origin, nodes, problems);
        Map<String, Section> sections = new HashMap<>();
        sections.put("", top);
        for (Map.Entry<String, List<String>> known : SECTIONS.entrySet()) {
            Section.Entry entry = top.get(known.getKey());
            Section section = entry == null ? null : nodes.section(entry.path(), entry.value(), known.getValue());
            if (section != null) {
                sections.put(known.getKey(), section);
            }
        }
        return new Document(origin, true, sections);
    }

    /** Whether there is a document whose top level could be read. */
    boolean isReadable() {
        return sections.containsKey("");
    }

    /** Whether there is a document and not even its top level could be read. */
    boolean isUnreadable() {
        return given && !isReadable();
    }

    /** A key of the top level. */
    Section.@Nullable Entry get(String key) {
        Section top = sections.get("");
        return top == null ? null : top.get(key);
    }

    /** Whether what stands below that key, if anything, is unknown because it could not be read. */
    boolean isUnknown(String section) {
        return isUnreadable() || (get(section) != null && !sections.containsKey(section));
    }

    /** The keys below a key of the top level, readable or not. */
    List<String> keysOf(String key) {
        Section.Entry entry = get(key);
        List<String> keys = new ArrayList<>();
        if (entry != null && entry.value() instanceof MappingNode mapping) {
            for (NodeTuple tuple : mapping.getValue()) {
                if (tuple.getKeyNode() instanceof ScalarNode scalar) {
                    keys.add(scalar.getValue());
                }
            }
        }
        return keys;
    }

    private static void checkVersion(Section top, Origin origin, Nodes nodes, Problems problems) {
        Section.Entry entry = top.get("version");
        if (entry == null) {
            problems.add(origin, "the plan has no version", "write version: 1 as its first line");
            return;
        }
        Placed<String> version = nodes.one(entry.path(), entry.value());
        if (version != null && !version.value().equals("1")) {
            problems.add(
                    version.origin(),
                    "version " + BadValue.quote(version.value()) + " is not known",
                    "write version: 1, or use a newer meshcapture");
        }
    }
}
