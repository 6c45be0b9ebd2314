package io.meshcapture.backend.hosts;

import io.meshcapture.plan.ServiceName;
import io.meshcapture.rules.LoopbackAddress;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.SortedSet;
import org.jspecify.annotations.Nullable;

/** What stands in a hosts file, and how it differs from what should. Pure. */
public final class HostsFindings {
    /** Go 1.19 stops reading a file at a line of this length (bufio.MaxScanTokenSize). */
    private static final int LONGEST_LINE_OF_GO = 64 * 1024;

    /** From here on a look-up by glibc takes a millisecond more (100,000 lines: 7 to 9 ms, read at every look-up). */
    private static final int MANY_LINES = 12_000;

    /**
     * One difference.
     *
     * @param service whose it is, or null where nobody can tell
     * @param line the number of the line, or 0 where the line is missing
     * @param stands what is there, the empty text for nothing
     * @param should what should be, the empty text for nothing
     * @param needsPerson whether it is an edit by hand or another's mapping, which we leave alone
     */
    public record Difference(
            @Nullable ServiceName service, int line, String stands, String should, boolean needsPerson) {}

    private final HostsFile file;

    HostsFindings(HostsFile file) {
        this.file = file;
    }

    /** Of a file's bytes (ISO 8859-1). */
    public static HostsFindings of(String content) {
        return new HostsFindings(HostsFile.parse(content));
    }

    /** Whether the file holds nothing at all. */
    public boolean isEmpty() {
        return file.content().isEmpty();
    }

    /** Whether any line carries a tag of ours. */
    public boolean holdsOurs() {
        return !file.tagged().isEmpty();
    }

    /** Whether two looks saw the same bytes. */
    public boolean hasContentOf(HostsFindings other) {
        return file.content().equals(other.file.content());
    }

    /** The services that have lines in force. */
    public SortedSet<ServiceName> services() {
        return file.services();
    }

    /** The address of each service that has lines in force. */
    public Map<ServiceName, LoopbackAddress> addresses() {
        return file.addresses();
    }

    /** What a service has in force. */
    public Set<OwnLine> inForce(ServiceName service) {
        return file.live(service);
    }

    /** All lines of ours that are in force. */
    public Set<OwnLine> inForce() {
        Set<OwnLine> lines = new LinkedHashSet<>();
        file.services().forEach(service -> lines.addAll(file.live(service)));
        return lines;
    }

    /** Addresses of ours that lines of others use. */
    public Set<LoopbackAddress> takenByOthers() {
        Set<LoopbackAddress> taken = new HashSet<>();
        file.foreign((number, text, words) -> {
            String address = words.getFirst().toLowerCase(Locale.ROOT);
            LoopbackAddress ours =
                    LoopbackAddress.parse(address.startsWith("::ffff:") ? address.substring(7) : address);
            if (ours != null) {
                taken.add(ours);
            }
        });
        return taken;
    }

    /** Whether a line in force, whoever wrote it, leads a name to an address of ours. */
    public boolean sendsToOurs(String name) {
        boolean[] found = {false};
        for (HostsFile.Tagged line : file.tagged(HostsFile.Kind.LIVE)) {
            found[0] |= line.line() != null && line.line().name().value().equalsIgnoreCase(name);
        }
        file.foreign((number, text, words) -> found[0] |= words.getFirst().contains(LoopbackAddress.PREFIX)
                && words.stream().anyMatch(name::equalsIgnoreCase));
        return found[0];
    }

    /**
     * Lines that somebody must decide about before these can come: other mappings of their names, and lines of these
     * services that were edited by hand. Resolvers take the first mapping, or both.
     */
    public List<Difference> inTheWay(Map<ServiceName, ? extends Collection<OwnLine>> wanted) {
        List<Difference> found = new ArrayList<>();
        Map<String, OwnLine> names = new HashMap<>();
        wanted.values()
                .forEach(lines -> lines.forEach(line -> names.put(line.name().value(), line)));
        Set<Integer> seen = new HashSet<>();
        for (HostsFile.Tagged line : file.tagged(HostsFile.Kind.EDITED)) {
            if (line.service() != null && wanted.containsKey(line.service())) {
                found.add(edited(line, wanted.get(line.service())));
                seen.add(line.number());
            }
        }
        file.foreign((number, text, words) -> {
            for (String word : words.subList(1, words.size())) {
                OwnLine ours = names.get(word.toLowerCase(Locale.ROOT));
                if (ours != null && seen.add(number)) {
                    found.add(new Difference(ours.service(), number, text, ours.live(), true));
                }
            }
        });
        return found;
    }

    private Difference edited(HostsFile.Tagged line, @Nullable Collection<OwnLine> wanted) {
        String text = file.text(line);
        String should = "";
        if (wanted != null) {
            for (OwnLine one : wanted) {
                // the line that it was: of the same name and kind
                if (text.contains(" " + one.name() + " ") && text.contains("::") == one.mapped()) {
                    should = one.live();
                }
            }
        }
        return new Difference(line.service(), line.number(), text, should, true);
    }

    /** Lines tagged ours that were edited by hand, which only a person may take away. */
    public List<Difference> edited() {
        return file.tagged(HostsFile.Kind.EDITED).stream()
                .map(line -> edited(line, null))
                .toList();
    }

    /**
     * Every difference between what stands and what should.
     *
     * @param wanted the services that should stand
     * @param among the services that are asked about; others may stand as they like
     */
    public List<Difference> differences(
            Map<ServiceName, ? extends Collection<OwnLine>> wanted, Collection<ServiceName> among) {
        List<Difference> found = new ArrayList<>(inTheWay(wanted));
        Set<OwnLine> missing = new LinkedHashSet<>();
        wanted.values().forEach(missing::addAll);
        Set<OwnLine> seen = new HashSet<>();
        Set<ServiceName> asked = new HashSet<>(among);
        for (HostsFile.Tagged tagged : file.tagged()) {
            OwnLine line = tagged.line();
            if (line == null || !asked.contains(line.service())) {
                continue;
            }
            String text = file.text(tagged);
            boolean isWanted = wanted.containsKey(line.service())
                    && wanted.get(line.service()).contains(line);
            if (tagged.kind() == HostsFile.Kind.INERT) {
                if (isWanted && !file.live(line.service()).contains(line)) { // else it is in nobody's way
                    found.add(new Difference(line.service(), tagged.number(), text, line.live(), false));
                }
            } else if (!isWanted || !seen.add(line)) {
                found.add(new Difference(line.service(), tagged.number(), text, "", false));
            } else {
                missing.remove(line);
            }
        }
        Set<String> explained = new HashSet<>();
        found.forEach(difference -> explained.add(difference.should()));
        for (OwnLine line : missing) {
            if (!explained.contains(line.live())) {
                found.add(new Difference(line.service(), 0, "", line.live(), false));
            }
        }
        return found;
    }

    /** The lines of ours that are comments, as differences. */
    public List<Difference> leftovers() {
        return file.tagged(HostsFile.Kind.INERT).stream()
                .map(line -> new Difference(line.service(), line.number(), file.text(line), "", false))
                .toList();
    }

    /** How many lines of ours are comments, which the next change takes out. */
    public int comments() {
        return file.tagged(HostsFile.Kind.INERT).size();
    }

    /** What of others' content makes resolvers misread ours. */
    public List<String> notes() {
        List<String> notes = new ArrayList<>();
        String content = file.content();
        if (content.indexOf('\0') >= 0) {
            notes.add("a NUL byte stands in it, after which c-ares, and so Envoy, misses the next line");
        }
        int number = 0;
        for (int start = 0; start < content.length(); ) {
            int newline = content.indexOf('\n', start);
            int end = newline < 0 ? content.length() : newline;
            number++;
            if (end - start >= LONGEST_LINE_OF_GO) {
                notes.add("line " + number + " has " + (end - start)
                        + " bytes, after which programs in Go (1.19) read no further");
            }
            start = end + 1;
        }
        if (number > MANY_LINES) {
            notes.add("it has " + number + " lines, all of which glibc reads at every look-up: about "
                    + (number * 8 / 100_000 + 1) + " ms each");
        }
        return notes;
    }
}
