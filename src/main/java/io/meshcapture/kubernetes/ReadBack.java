package io.meshcapture.kubernetes;

import io.meshcapture.failure.Failure;
import io.meshcapture.plan.BadValue;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.yaml.snakeyaml.nodes.Node;

/**
 * What a changed manifest has to say when it is read again: what it said before, but for what is ours, and of that what was
 * asked for. An alias or a merge key might have brought it elsewhere too.
 */
final class ReadBack {
    private final List<String> elsewhere = new ArrayList<>();
    private final List<List<String>> ours = new ArrayList<>();

    /** The next document says this where it is not ours. */
    void expectElsewhere(Node document, Workload.Found found, NodeFields fields) {
        elsewhere.add(withoutOurs(document, found, fields));
    }

    /** The next list of the next workload says this where it is ours. */
    void expect(List<String> meaning) {
        ours.add(List.copyOf(meaning));
    }

    /**
     * Reads the changed text.
     *
     * @throws Failure.Conflict where it says anything else
     */
    void require(String file, String changed) {
        Manifest manifest = Manifest.read(file, changed);
        NodeFields fields = new NodeFields(manifest);
        ReadBack now = new ReadBack();
        try {
            manifest.forEachDocument(document -> {
                if (!PlanDocuments.isOurs(document, fields)) {
                    Workload.Found found = Workload.in(manifest, document);
                    now.expectElsewhere(document, found, fields);
                    found.workloads()
                            .forEach(workload ->
                                    PodLists.of(workload, fields).forEach(list -> now.expect(standing(list, fields))));
                }
            });
        } catch (Failure.Invalid broken) { // its places are those of a text that nobody has seen
            throw notWritten(file, "would not be YAML any more");
        }
        if (!now.elsewhere.equals(elsewhere) || !now.ours.equals(ours)) {
            throw notWritten(file, "would say something else");
        }
    }

    private static Failure.Conflict notWritten(String file, String because) {
        return new Failure.Conflict(
                "the manifest cannot be changed without changing more than was asked for",
                BadValue.printable(file) + " " + because + "; nothing was written",
                "write aliases, merge keys and other unusual YAML around the containers out, and try again");
    }

    /** What the items of ours say that stand in a list. */
    static List<String> standing(OwnItems list, NodeFields fields) {
        List<String> standing = new ArrayList<>();
        fields.items(list.parent(), list.key()).stream()
                .filter(list.ours())
                .forEach(item -> standing.addAll(Meaning.of(item)));
        return standing;
    }

    private static String withoutOurs(Node document, Workload.Found found, NodeFields fields) {
        Map<Node, List<OwnItems>> hidden = new HashMap<>();
        for (Workload workload : found.workloads()) {
            PodLists.of(workload, fields)
                    .forEach(list -> hidden.computeIfAbsent(list.parent(), each -> new ArrayList<>())
                            .add(list));
        }
        return Meaning.digestWithout(document, hidden);
    }
}
