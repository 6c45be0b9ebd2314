package io.meshcapture.backend.iptables;

import io.meshcapture.plan.Port;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.SortedMap;
import java.util.SortedSet;
import java.util.TreeMap;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;

/**
 * What the chain {@code MESHCAPTURE}, and the chain of notes of a slot, know besides the decision.
 *
 * @param services the services in force, by name
 * @param listeners every listener that was ever sent to since something of ours stands: connections to it go on
 * @param inboundListeners likewise for connections to this host
 * @param groups the ids of the control groups that rules ask for, by path
 * @param trialEnds when what is in force ends unless it is confirmed, in milliseconds since the machine was started, or
 *     null
 */
record Memory(
        SortedMap<String, ServiceNote> services,
        SortedSet<Integer> listeners,
        SortedSet<Integer> inboundListeners,
        Map<String, Long> groups,
        @Nullable Long trialEnds) {

    private static final String TAG = "meshcapture schema ";

    /** Raised when chains of this version mean something else to the version before. */
    private static final int SCHEMA = 1;

    private static final String HOLDER = "keeps conntrack on for the connections that are captured";
    private static final String SERVICE = "service ";
    private static final String LISTENER = "listener ";
    private static final String INBOUND_LISTENER = "inbound listener ";
    private static final String TRIAL = "on trial until ";

    Memory() {
        this(new TreeMap<>(), new TreeSet<>(), new TreeSet<>(), Map.of(), null);
    }

    /**
     * A service in force.
     *
     * @param digest of its capture
     * @param version of meshcapture that applied it, the empty text where that is not known
     * @param since when it was applied, or null where that is not known
     */
    record ServiceNote(
            String digest, String version, @Nullable Instant since) {}

    Memory trying(@Nullable Long ends) {
        return new Memory(services, listeners, inboundListeners, groups, ends);
    }

    /** The rules of the chain of notes that a slot has. */
    List<Rule> notes() {
        List<Rule> rules = new ArrayList<>();
        services.forEach((name, note) -> rules.add(Rule.of(
                "",
                SERVICE + name + " " + note.digest + (note.since == null ? "" : " " + note.version + " " + note.since),
                "")));
        return rules;
    }

    /** The rules of the chain. The second asks what conntrack knows, and so keeps it on; nothing leads here. */
    List<Rule> rules(boolean notes) {
        List<Rule> rules = new ArrayList<>();
        rules.add(Rule.of("", TAG + SCHEMA, ""));
        rules.add(Rule.of("-m conntrack --ctstate INVALID", HOLDER, ""));
        if (notes) {
            listeners.forEach(port -> rules.add(Rule.of("", LISTENER + port, "")));
            inboundListeners.forEach(port -> rules.add(Rule.of("", INBOUND_LISTENER + port, "")));
            if (trialEnds != null) {
                rules.add(Rule.of("", TRIAL + trialEnds, ""));
            }
        }
        return rules;
    }

    /** Whether a chain of that name is ours: the first rule says so. Whoever flushes the whole table leaves ours without any. */
    static boolean isOurs(List<Rule> home) {
        return home.isEmpty() || home.getFirst().comment().startsWith(TAG);
    }

    /** Whether this version wrote it, as far as it says. */
    static boolean isOfThisVersion(List<Rule> home) {
        return home.isEmpty() || home.getFirst().comment().equals(TAG + SCHEMA);
    }

    /** Whether a rule is the note of one of these services. */
    static boolean isNoteOf(Rule rule, Set<String> services) {
        String comment = rule.comment();
        int space = comment.indexOf(' ', SERVICE.length());
        return comment.startsWith(SERVICE)
                && space > 0
                && services.contains(comment.substring(SERVICE.length(), space));
    }

    /** What the rules of both chains say. What somebody else wrote there says nothing. */
    static Memory read(List<Rule> home, List<Rule> notes) {
        Memory memory = new Memory();
        Long ends = null;
        List<Rule> all = new ArrayList<>(home);
        all.addAll(notes);
        for (Rule rule : all) {
            String comment = rule.comment();
            try {
                if (comment.startsWith(SERVICE)) {
                    String[] words = comment.substring(SERVICE.length()).split(" ", -1);
                    memory.services.put(
                            words[0],
                            words.length == 4
                                    ? new ServiceNote(words[1], words[2], Instant.parse(words[3]))
                                    : new ServiceNote(words[1], "", null));
                } else if (comment.startsWith(LISTENER)) {
                    memory.listeners.add(new Port(Integer.parseInt(comment.substring(LISTENER.length()))).number());
                } else if (comment.startsWith(INBOUND_LISTENER)) {
                    memory.inboundListeners.add(
                            new Port(Integer.parseInt(comment.substring(INBOUND_LISTENER.length()))).number());
                } else if (comment.startsWith(TRIAL)) {
                    ends = Long.valueOf(comment.substring(TRIAL.length()));
                }
            } catch (IllegalArgumentException | IndexOutOfBoundsException | java.time.DateTimeException e) {
                // edited by hand
            }
        }
        return memory.trying(ends);
    }
}
