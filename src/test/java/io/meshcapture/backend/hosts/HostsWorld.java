package io.meshcapture.backend.hosts;

import io.meshcapture.plan.HostName;
import io.meshcapture.plan.ServiceName;
import io.meshcapture.rules.LoopbackAddress;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.random.RandomGenerator;
import java.util.stream.Collectors;

/**
 * A hosts file under random hands, and beside it what must become of it: the pieces that others wrote and our lines as a
 * list, which knows nothing of edits, tags or marks.
 */
final class HostsWorld {

    /** A piece of the file. */
    private sealed interface Piece {
        record Foreign(String text) implements Piece {}

        record Ours(OwnLine line) implements Piece {}
    }

    private static final List<String> FOREIGN = List.of(
            "127.0.0.1 localhost",
            "::1\tlocalhost ip6-localhost",
            "# a comment",
            "",
            "10.0.0.5 api # endpoint of team X",
            "10.0.0.6 db\r",
            "\t",
            "\r",
            "fe80::1%eth0 zone",
            "# meshcapture is installed here",
            "x",
            "#",
            "\u0000",
            "\u00ef\u00bb\u00bf10.0.0.7 bom",
            "10.0.0.8 " + "long.".repeat(60) + "name");

    private final RandomGenerator random;
    private final List<Piece> pieces = new ArrayList<>();
    private final Map<String, Set<OwnLine>> standing = new TreeMap<>();
    private int foreignLines;

    /** Whether somebody wrote behind a newline of ours. Were that deleted again, nobody could know that he ever did. */
    private boolean newlineUsed;

    String content = "";

    HostsWorld(RandomGenerator random) {
        this.random = random;
        int lines = random.nextInt(4);
        for (int i = 0; i < lines; i++) {
            foreignAppends(foreignLine() + (i == lines - 1 && random.nextBoolean() ? "" : "\n"));
        }
    }

    /** Different from every other, since whose newline it is depends on that. */
    private String foreignLine() {
        String line = FOREIGN.get(random.nextInt(FOREIGN.size()));
        return line + " " + foreignLines++;
    }

    static Set<OwnLine> lines(String service, int names) {
        ServiceName name = new ServiceName(service);
        LoopbackAddress address = Objects.requireNonNull(
                LoopbackAddress.allot(List.of(name), Map.of(), Set.of()).get(name));
        List<HostName> hosts = new ArrayList<>();
        for (int i = 0; i < names; i++) {
            hosts.add(new HostName(service + i + ".internal"));
        }
        return OwnLine.of(name, address, hosts);
    }

    /** One step of somebody: ours or another's. */
    void step() {
        switch (random.nextInt(6)) {
            case 0, 1 -> apply(service(), 1 + random.nextInt(2));
            case 2, 3 -> rollback(service());
            case 4 -> foreignAppends(foreignLine() + (random.nextInt(4) == 0 ? "" : "\n"));
            default -> {
                if (newlineUsed || random.nextBoolean()) {
                    foreignInserts();
                } else {
                    foreignDeletes();
                }
            }
        }
    }

    private String service() {
        return List.of("a", "b", "c").get(random.nextInt(3));
    }

    void apply(String service, int names) {
        Set<OwnLine> missing = new TreeSet<>(java.util.Comparator.comparing(OwnLine::live));
        missing.addAll(lines(service, names));
        missing.removeAll(standing.getOrDefault(service, Set.of()));
        if (missing.isEmpty()) {
            return;
        }
        content = after(content, Addition.of(content, missing));
        missing.forEach(line -> pieces.add(new Piece.Ours(line)));
        standing.computeIfAbsent(service, any -> new java.util.HashSet<>()).addAll(missing);
    }

    void rollback(String service) {
        content = without(content, service);
        pieces.removeIf(piece -> piece instanceof Piece.Ours(OwnLine line)
                && line.service().value().equals(service));
        standing.remove(service);
    }

    static List<Edit> removal(String content, String service) {
        HostsFile file = HostsFile.parse(content);
        List<Range> off = file.ranges(line -> String.valueOf(line.service()).equals(service));
        return Removal.of(content, off, file.takesNewlineBack(off));
    }

    private static String without(String content, String service) {
        return after(content, removal(content, service));
    }

    static String after(String content, List<Edit> edits) {
        Image image = new Image(content);
        edits.forEach(image::take);
        return image.toString();
    }

    private void foreignAppends(String text) {
        boolean glues = content.endsWith("\n") || content.isEmpty();
        content += text;
        if (glues || pieces.isEmpty()) {
            endLast();
            pieces.add(new Piece.Foreign(text));
        } else {
            pieces.add(new Piece.Foreign(((Piece.Foreign) pieces.removeLast()).text() + text));
        }
    }

    /** Who writes behind a line that ended without a newline makes the newline that we added part of the file. */
    private void endLast() {
        for (int i = 0; i < pieces.size(); i++) {
            if (pieces.get(i) instanceof Piece.Foreign(String text) && !text.endsWith("\n")) {
                pieces.set(i, new Piece.Foreign(text + "\n"));
                newlineUsed = true;
            }
        }
    }

    /** A line of its own before another piece; before our first line behind a line without newline it ends that one. */
    private void foreignInserts() {
        if (pieces.isEmpty()) {
            return;
        }
        int at = random.nextInt(pieces.size());
        String text = foreignLine() + "\n";
        int offset = offset(at);
        content = content.substring(0, offset) + text + content.substring(offset);
        for (int i = 0; i < at; i++) {
            if (pieces.get(i) instanceof Piece.Foreign(String before) && !before.endsWith("\n")) {
                pieces.set(i, new Piece.Foreign(before + "\n"));
                newlineUsed = true;
            }
        }
        pieces.add(at, new Piece.Foreign(text));
    }

    private void foreignDeletes() {
        List<Integer> foreign = new ArrayList<>();
        for (int i = 0; i < pieces.size(); i++) {
            if (pieces.get(i) instanceof Piece.Foreign) {
                foreign.add(i);
            }
        }
        if (foreign.isEmpty()) {
            return;
        }
        int at = foreign.get(random.nextInt(foreign.size()));
        String text = ((Piece.Foreign) pieces.get(at)).text();
        int offset = offset(at);
        int end = offset + text.length();
        if (!text.endsWith("\n") && end < content.length()) {
            end++; // the newline that we added
        }
        content = content.substring(0, offset) + content.substring(end);
        pieces.remove(at);
    }

    /** Where a piece stands: every piece is there exactly once, since no two lines are alike. */
    private int offset(int piece) {
        String text = switch (pieces.get(piece)) {
            case Piece.Foreign(String foreign) -> foreign;
            case Piece.Ours(OwnLine line) -> line.live() + "\n";
        };
        int offset = content.indexOf("\n" + text) + 1;
        if (offset == 0 && !content.startsWith(text)) {
            throw new AssertionError("lost: " + text + " in:\n" + content);
        }
        return offset;
    }

    /** What others wrote. */
    String foreign() {
        return pieces.stream()
                .filter(Piece.Foreign.class::isInstance)
                .map(piece -> ((Piece.Foreign) piece).text())
                .collect(Collectors.joining());
    }

    /** What others wrote, as it must be read back when every service is released. */
    String released() {
        String left = content;
        for (String service : List.of("a", "b", "c")) {
            left = without(left, service);
        }
        return left;
    }

    /** Our lines in force. */
    Set<OwnLine> inForce() {
        return HostsFile.parse(content).tagged(HostsFile.Kind.LIVE).stream()
                .map(HostsFile.Tagged::line)
                .collect(Collectors.toSet());
    }

    Set<OwnLine> wanted() {
        return standing.values().stream().flatMap(Set::stream).collect(Collectors.toSet());
    }
}
