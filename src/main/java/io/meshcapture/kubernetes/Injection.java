package io.meshcapture.kubernetes;

import io.meshcapture.failure.Failure;
import io.meshcapture.plan.BadValue;
import io.meshcapture.plan.Ports;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.yaml.snakeyaml.nodes.Node;
import org.yaml.snakeyaml.nodes.SequenceNode;

/** Puts the container that captures into the pods of a manifest, or takes it out, and leaves every other byte. */
public final class Injection {
    private final String file;
    private final Request request;
    private final Manifest manifest;
    private final NodeFields fields;
    private final Edits edits = new Edits();
    private final ListEditor editor;
    private final PlanDocuments plans;
    private final List<Change> changes = new ArrayList<>();
    private final List<String> notes = new ArrayList<>();
    private final Map<String, Map<Node, List<Value>>> done = new HashMap<>();
    private final ReadBack readBack = new ReadBack();

    /**
     * What is to be done.
     *
     * @param container what goes in; null to take it out
     * @param inboundExcept inbound ports that the plan excepts already; null where it captures nothing inbound
     * @param allowHostNetwork whether pods on their node's network are taken too
     * @param allowOtherMesh whether pods are taken that another mesh captures already
     */
    public record Request(
            @Nullable CaptureContainer container,
            @Nullable Ports inboundExcept,
            boolean allowHostNetwork,
            boolean allowOtherMesh) {}

    /** What became of a workload. */
    public enum Action {
        ADDED("injected"),
        UPDATED("updated"),
        UNCHANGED("injected already"),
        REMOVED("removed"),
        ABSENT("not injected"),
        SKIPPED("left alone");

        private final String words;

        Action(String words) {
            this.words = words;
        }

        @Override
        public String toString() {
            return words;
        }
    }

    /** What became of one workload, and why. */
    public record Change(String workload, Action action, String because) {}

    /**
     * The result.
     *
     * @param content the manifest as it is now
     * @param changes what became of each workload
     * @param others objects that have no pods, passed through
     * @param notes what people should know
     */
    @SuppressWarnings("ArrayRecordComponent") // nobody compares outcomes
    public record Outcome(byte[] content, List<Change> changes, List<String> others, List<String> notes) {
        public Outcome {
            changes = List.copyOf(changes);
            others = List.copyOf(others);
            notes = List.copyOf(notes);
        }
    }

    private Injection(String file, Manifest manifest, Request request) {
        this.file = file;
        this.request = request;
        this.manifest = manifest;
        this.fields = new NodeFields(manifest);
        this.editor = new ListEditor(manifest, edits);
        this.plans = new PlanDocuments(manifest);
    }

    /**
     * Changes a manifest.
     *
     * @param file its name, for messages
     * @param content its bytes, UTF-8; YAML or JSON
     * @throws Failure.Invalid where it is not YAML, or what has to be changed is not as Kubernetes has it
     * @throws Failure.Conflict where a pod cannot be captured without a person's decision
     */
    public static Outcome run(String file, byte[] content, Request request) {
        Manifest manifest = Manifest.read(file, content);
        Injection injection = new Injection(file, manifest, request);
        List<String> others = new ArrayList<>();
        manifest.forEachDocument(document -> {
            if (PlanDocuments.isOurs(document, injection.fields)) {
                injection.plans.found(document);
                return;
            }
            Workload.Found found = Workload.in(manifest, document);
            found.workloads().forEach(injection::change);
            others.addAll(found.others());
            injection.readBack.expectElsewhere(document, found, injection.fields);
            injection.done.clear(); // an alias does not lead into another document
        });
        CaptureContainer container = request.container();
        @Nullable PlanMap map = container == null ? null : container.configMap();
        injection.plans.bring(map, injection.edits, file);
        if (map != null && map.text() != null && injection.plans.isNeeded()) {
            injection.notes.add(
                    "flags cannot say this plan, so it goes along behind the pods, as ConfigMap/" + map.name());
        }
        injection.editor.finish();
        String changed = injection.edits.applyTo(manifest.text().toString());
        injection.readBack.require(file, changed);
        return new Outcome(changed.getBytes(StandardCharsets.UTF_8), injection.changes, others, injection.notes);
    }

    private void change(Workload workload) {
        CaptureContainer container = request.container();
        List<OwnItems> lists = PodLists.of(workload, fields);
        boolean stood = lists.stream().anyMatch(list -> !runs(list).isEmpty());
        if (container == null) {
            boolean changed = bring(workload, lists);
            tell(workload, changed ? Action.REMOVED : Action.ABSENT, "");
            return;
        }
        String reason = PodChecks.reasonToLeaveAlone(workload, fields);
        if (reason != null) {
            lists.forEach(list -> readBack.expect(ReadBack.standing(list, fields)));
            tell(workload, Action.SKIPPED, reason);
            return;
        }
        requireContainers(workload);
        boolean hostNetwork = PodChecks.requireOwnNetwork(workload, fields, request.allowHostNetwork(), file);
        PodChecks.requireNameFree(workload, fields, file);
        PodChecks.requireNoOtherMesh(workload, fields, request.allowOtherMesh(), file);
        PodChecks.requireNamesFree(workload, fields, container.names(), file);
        HealthPorts.Found health = request.inboundExcept() == null
                ? new HealthPorts.Found(List.of(), Ports.NONE, List.of())
                : HealthPorts.of(workload, manifest, request.inboundExcept());
        health.notes().forEach(note -> notes.add(workload + ": " + note));
        if (container.names().areLedBy(PodNames.Way.FILE) && !PodLists.holdEnvoy(workload, fields, container.names())) {
            notes.add(
                    workload + ": no container has Envoy's runAsUser, so Envoy's too will look up captured names in the"
                            + " hosts file; give it securityContext.runAsUser");
        }
        plans.neededBeside(workload.object());
        boolean changed = bring(workload, PodLists.wanting(workload, fields, container, health, hostNetwork));
        List<Run> ofContainer = runs(lists.getFirst());
        boolean isFirst = ofContainer.isEmpty() || ofContainer.getFirst().first() == 0;
        tell(
                workload,
                !stood ? Action.ADDED : changed ? Action.UPDATED : Action.UNCHANGED,
                isFirst ? "" : "not the first one");
    }

    /** A dash that was forgotten; kubectl would say so later, of what we have changed. */
    private void requireContainers(Workload workload) {
        Node containers = fields.get(workload.spec(), "containers");
        if (containers != null && !(containers instanceof SequenceNode)) {
            throw new Failure.Invalid(
                    "containers is not a list", manifest.place(containers), "write a dash before each container");
        }
    }

    /** Brings lists to hold of ours what they should; answers whether anything differed. */
    private boolean bring(Workload workload, List<OwnItems> lists) {
        boolean changed = false;
        for (OwnItems list : lists) {
            changed |= bring(workload, list);
        }
        return changed;
    }

    private boolean bring(Workload workload, OwnItems list) {
        List<String> wanted = new ArrayList<>();
        list.wanted().forEach(value -> wanted.addAll(meaning(value)));
        readBack.expect(wanted);
        if (ReadBack.standing(list, fields).equals(wanted)) {
            return false;
        }
        if (!remember(workload, list)) {
            return true;
        }
        List<Run> runs = runs(list);
        if (runs.isEmpty()) {
            editor.addFirst(list.parent(), list.key(), list.sibling(), list.wanted());
            return true;
        }
        SequenceNode sequence = sequence(list);
        for (Run run : runs) {
            if (run.equals(runs.getFirst()) && !list.wanted().isEmpty()) {
                editor.replace(sequence, run.first(), run.last(), list.wanted());
            } else {
                editor.remove(list.parent(), list.key(), run.first(), run.last());
            }
        }
        return true;
    }

    /** Items of ours that stand next to each other, by their places in the list. */
    private record Run(int first, int last) {}

    private List<Run> runs(OwnItems list) {
        List<Run> runs = new ArrayList<>();
        List<Node> items = fields.items(list.parent(), list.key());
        for (int i = 0; i < items.size(); i++) {
            if (list.ours().test(items.get(i))) {
                boolean next = !runs.isEmpty() && runs.getLast().last() == i - 1;
                int first = next ? runs.removeLast().first() : i;
                runs.add(new Run(first, i));
            }
        }
        return runs;
    }

    /** Whether this is the first change of it; a pod or list that several workloads share by an alias is changed once. */
    private boolean remember(Workload workload, OwnItems list) {
        Node shared = fields.get(list.parent(), list.key());
        List<Value> before = done.computeIfAbsent(list.key(), each -> new HashMap<>())
                .putIfAbsent(shared == null ? list.parent() : shared, list.wanted());
        if (before != null && !before.equals(list.wanted())) {
            throw new Failure.Conflict(
                    workload + " shares its " + list.key() + " with another by an alias",
                    "the two need different ones; " + BadValue.printable(file),
                    "write them out");
        }
        return before == null;
    }

    private void tell(Workload workload, Action action, String because) {
        changes.add(new Change(workload.toString(), action, because));
    }

    private SequenceNode sequence(OwnItems list) {
        if (fields.own(list.parent(), list.key()) == null
                || !(fields.get(list.parent(), list.key()) instanceof SequenceNode sequence)) {
            throw new Failure.Invalid(
                    list.key() + " comes from elsewhere by a merge key (<<)",
                    manifest.place(list.parent()),
                    "write it out where it is used");
        }
        return sequence;
    }

    private static List<String> meaning(Value value) {
        List<String> meaning = new ArrayList<>();
        Manifest.read("what is injected", ValueWriter.json(value))
                .forEachDocument(document -> meaning.addAll(Meaning.of(document)));
        return meaning;
    }
}
