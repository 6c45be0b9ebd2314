package io.meshcapture.kubernetes;

import io.meshcapture.failure.Failure;
import io.meshcapture.kubernetes.Meaning.Ours;
import io.meshcapture.plan.BadValue;
import io.meshcapture.plan.Ports;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.yaml.snakeyaml.nodes.MappingNode;
import org.yaml.snakeyaml.nodes.Node;
import org.yaml.snakeyaml.nodes.SequenceNode;

/** Puts the container that captures into the pods of a manifest, or takes it out, and leaves every other byte. */
public final class Injection {
    private static final String INIT = "initContainers";
    private static final String VOLUMES = "volumes";

    private final String file;
    private final Request request;
    private final Manifest manifest;
    private final NodeFields fields;
    private final Edits edits = new Edits();
    private final ListEditor editor;
    private final List<Change> changes = new ArrayList<>();
    private final List<String> notes = new ArrayList<>();
    private final Map<String, Map<Node, Value>> done = new HashMap<>();

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
        List<String> before = new ArrayList<>();
        List<String> others = new ArrayList<>();
        manifest.forEachDocument(document -> {
            Workload.Found found = Workload.in(manifest, document);
            found.workloads().forEach(injection::change);
            others.addAll(found.others());
            before.add(withoutOurs(document, found));
            injection.done.clear(); // an alias does not lead into another document
        });
        String changed = injection.edits.applyTo(manifest.text().toString());
        injection.requireTheSameElsewhere(changed, before);
        return new Outcome(changed.getBytes(StandardCharsets.UTF_8), injection.changes, others, injection.notes);
    }

    private void change(Workload workload) {
        int at = index(workload.spec(), INIT, CaptureContainer.NAME);
        CaptureContainer container = request.container();
        if (container == null) {
            if (at >= 0) {
                remove(workload, INIT, at);
            }
            int volume = index(workload.spec(), VOLUMES, CaptureContainer.VOLUME);
            if (volume >= 0) {
                remove(workload, VOLUMES, volume);
            }
            tell(workload, at >= 0 || volume >= 0 ? Action.REMOVED : Action.ABSENT, "");
            return;
        }
        String reason = PodChecks.reasonToLeaveAlone(workload, fields);
        if (reason != null) {
            tell(workload, Action.SKIPPED, reason);
            return;
        }
        boolean hostNetwork = PodChecks.requireOwnNetwork(workload, fields, request.allowHostNetwork(), file);
        PodChecks.requireNoOtherMesh(workload, fields, request.allowOtherMesh(), file);
        HealthPorts.Found health = request.inboundExcept() == null
                ? new HealthPorts.Found(List.of(), Ports.NONE, List.of())
                : HealthPorts.of(workload, manifest, request.inboundExcept());
        health.notes().forEach(note -> notes.add(workload + ": " + note));
        Value wanted = container.container(health, hostNetwork);
        boolean changedVolume = bringVolume(workload, container);
        if (at < 0) {
            if (remember(workload, INIT, wanted)) {
                editor.addFirst(workload.spec(), INIT, "containers", wanted);
            }
            tell(workload, Action.ADDED, "");
            return;
        }
        SequenceNode list = list(workload.spec(), INIT);
        boolean same = Meaning.of(list.getValue().get(at)).equals(meaning(wanted));
        if (!same && remember(workload, INIT, wanted)) {
            editor.replace(list, at, wanted);
        }
        tell(workload, same && !changedVolume ? Action.UNCHANGED : Action.UPDATED, at == 0 ? "" : "not the first one");
    }

    private boolean bringVolume(Workload workload, CaptureContainer container) {
        int at = index(workload.spec(), VOLUMES, CaptureContainer.VOLUME);
        if (container.configMap() == null) {
            if (at >= 0) {
                remove(workload, VOLUMES, at);
            }
            return at >= 0;
        }
        Value volume = container.volume(container.configMap());
        if (at < 0) {
            if (remember(workload, VOLUMES, volume)) {
                editor.addFirst(workload.spec(), VOLUMES, "containers", volume);
            }
            return true;
        }
        SequenceNode list = list(workload.spec(), VOLUMES);
        if (Meaning.of(list.getValue().get(at)).equals(meaning(volume))) {
            return false;
        }
        editor.replace(list, at, volume);
        return true;
    }

    private void remove(Workload workload, String key, int at) {
        if (remember(workload, key, Value.Fields.of())) {
            editor.remove(workload.spec(), key, at);
        }
    }

    /** Whether this is the first change of it; a pod or list that several workloads share by an alias is changed once. */
    private boolean remember(Workload workload, String key, Value wanted) {
        Node shared = fields.get(workload.spec(), key);
        Value before = done.computeIfAbsent(key, each -> new HashMap<>())
                .putIfAbsent(shared == null ? workload.spec() : shared, wanted);
        if (before != null && !before.equals(wanted)) {
            throw new Failure.Conflict(
                    workload + " shares its " + key + " with another by an alias",
                    "the two need different ones; " + BadValue.printable(file),
                    "write them out");
        }
        return before == null;
    }

    private void tell(Workload workload, Action action, String because) {
        changes.add(new Change(workload.toString(), action, because));
    }

    private int index(MappingNode spec, String key, String name) {
        List<Node> items = fields.items(spec, key);
        for (int i = 0; i < items.size(); i++) {
            if (name.equals(fields.text(items.get(i), "name"))) {
                return i;
            }
        }
        return -1;
    }

    private SequenceNode list(MappingNode spec, String key) {
        if (fields.own(spec, key) == null || !(fields.get(spec, key) instanceof SequenceNode list)) {
            throw new Failure.Invalid(List.of(manifest.problem(
                    spec, key + " comes from elsewhere by a merge key (<<)", "write it out where it is used")));
        }
        return list;
    }

    private static List<String> meaning(Value value) {
        List<String> meaning = new ArrayList<>();
        Manifest.read("what is injected", ValueWriter.json(value))
                .forEachDocument(document -> meaning.addAll(Meaning.of(document)));
        return meaning;
    }

    /** Reads the changed text, and sees that it says what it said before, but for what is ours. */
    private void requireTheSameElsewhere(String changed, List<String> before) {
        Manifest after = Manifest.read(file, changed);
        List<String> now = new ArrayList<>();
        after.forEachDocument(document -> now.add(withoutOurs(document, Workload.in(after, document))));
        if (!now.equals(before)) {
            throw new Failure.Conflict(
                    "the manifest cannot be changed without changing more than was asked for",
                    BadValue.printable(file) + " would say something else; nothing was written",
                    "write aliases and merge keys out around initContainers, and try again");
        }
    }

    private static String withoutOurs(Node document, Workload.Found found) {
        Map<Node, List<Ours>> ours = new HashMap<>();
        for (Workload workload : found.workloads()) {
            ours.put(
                    workload.spec(),
                    List.of(new Ours(INIT, CaptureContainer.NAME), new Ours(VOLUMES, CaptureContainer.VOLUME)));
        }
        return Meaning.digestWithout(document, ours);
    }
}
