package io.meshcapture.kubernetes;

import io.meshcapture.failure.Failure;
import io.meshcapture.plan.BadValue;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.SequencedSet;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import org.yaml.snakeyaml.nodes.Node;

/** The documents of ours in a manifest: the ConfigMap with the plan, behind everything else, one for each namespace with pods. */
final class PlanDocuments {
    private static final String LABEL = "meshcapture.io/plan";
    private static final String SEPARATOR = "---";

    private final ManifestText text;
    private final NodeFields fields;
    private final SequencedSet<String> namespaces = new LinkedHashSet<>();
    private final List<Standing> standing = new ArrayList<>();

    /**
     * One that stands.
     *
     * @param from where its separator begins, or the line break before that
     * @param to where what comes behind it begins
     */
    private record Standing(String namespace, List<String> meaning, int from, int to, boolean endsTheLine) {}

    PlanDocuments(Manifest manifest) {
        this.text = manifest.text();
        this.fields = new NodeFields(manifest);
    }

    /** Whether a document is one of ours. */
    static boolean isOurs(Node document, NodeFields fields) {
        return "ConfigMap".equals(fields.text(document, "kind"))
                && "injected".equals(fields.text(document, "metadata", "labels", LABEL));
    }

    /** Takes note of one of ours. */
    void found(Node document) {
        int from = text.lineStart(text.start(document));
        while (from > 0 && text.at(text.lineStart(from - 1)) == '#') {
            from = text.lineStart(from - 1);
        }
        int before = from == 0 ? 0 : text.lineStart(from - 1);
        if (text.toString().startsWith(SEPARATOR, before)) {
            from = before;
        }
        int to = text.nextLine(text.end(document));
        boolean endsTheLine = text.at(to - 1) == '\n';
        if (!endsTheLine && from > 0) {
            from -= text.lineBreak().length(); // the file ended without a line break before
        }
        standing.add(new Standing(namespace(document), Meaning.of(document), from, to, endsTheLine));
    }

    /** Takes note of an object whose pods read the plan. */
    void neededBeside(Node object) {
        namespaces.add(namespace(object));
    }

    /** Whether any pods read the plan. */
    boolean isNeeded() {
        return !namespaces.isEmpty();
    }

    private String namespace(Node object) {
        @Nullable String namespace = fields.text(object, "metadata", "namespace");
        return namespace == null ? "" : namespace;
    }

    /**
     * Brings what stands to what should.
     *
     * @param map the plan, or null for none
     * @throws Failure.Invalid where the manifest has no place for it
     */
    void bring(@Nullable PlanMap map, Edits edits, String file) {
        SequencedSet<String> missing = new LinkedHashSet<>(map == null || map.text() == null ? List.of() : namespaces);
        for (Standing one : standing) {
            boolean wanted = missing.remove(one.namespace());
            if (wanted && map != null && one.meaning().equals(meaning(map, one.namespace()))) {
                continue;
            }
            if (wanted && map != null) {
                edits.replace(one.from(), one.to(), text(map, one.namespace(), one.endsTheLine()));
            } else {
                edits.remove(one.from(), one.to());
            }
        }
        if (!missing.isEmpty() && map != null) {
            String all = text.toString();
            if (all.stripLeading().startsWith("{")) {
                throw new Failure.Invalid(
                        "the plan needs a ConfigMap, and no document can be added to JSON",
                        BadValue.printable(file),
                        "write the manifest as YAML, or make the ConfigMap and name it with --config-map");
            }
            StringBuilder added = new StringBuilder();
            missing.forEach(namespace -> added.append(text(map, namespace, all.endsWith("\n"))));
            edits.insert(all.length(), added.toString());
        }
    }

    private List<String> meaning(PlanMap map, String namespace) {
        List<String> meaning = new ArrayList<>();
        Manifest.read("what is injected", text(map, namespace, true))
                .forEachDocument(document -> meaning.addAll(Meaning.of(document)));
        return meaning;
    }

    private String text(PlanMap map, String namespace, boolean endsTheLine) {
        String document = """
                ---
                # the plan of these pods, by meshcapture inject
                apiVersion: v1
                kind: ConfigMap
                metadata:
                  name: %s
                %s  labels:
                    %s: injected
                immutable: true
                data:
                  %s: %s
                """.formatted(
                        map.name(),
                        namespace.isEmpty() ? "" : "  namespace: " + ValueWriter.quoted(namespace) + "\n",
                        LABEL,
                        PlanMap.KEY,
                        literal(String.valueOf(map.text())));
        String lines = document.replace("\n", text.lineBreak());
        return endsTheLine
                ? lines
                : text.lineBreak()
                        + lines.substring(0, lines.length() - text.lineBreak().length());
    }

    /** As lines where they come back as they are, else in quotes. */
    private static String literal(String plan) {
        boolean plain = !plan.startsWith(" ")
                && !plan.startsWith("\n")
                && plan.chars()
                        .allMatch(c -> c == '\n'
                                || (c >= ' ' && c < 0x7f)
                                || (c >= 0xa0 && c < 0xd800 && c != 0x2028 && c != 0x2029))
                && !plan.contains(" \n");
        return plain
                ? "|-\n"
                        + plan.lines()
                                .map(line -> line.isEmpty() ? "" : "    " + line)
                                .collect(Collectors.joining("\n"))
                : ValueWriter.quoted(plan);
    }
}
