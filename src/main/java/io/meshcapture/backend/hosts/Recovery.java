package io.meshcapture.backend.hosts;

import io.meshcapture.rules.Fnv;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** What an interrupted change needs to be undone or finished, from its journal and what stands. Pure. */
final class Recovery {
    /** The smallest page; a kill, or a full disk, cuts a write at the end of one (generic_perform_write). */
    private static final int PAGE = 4096;

    private Recovery() {}

    /**
     * Undoes an addition: its last line, if that was not written whole, becomes a line of its own, and all go.
     *
     * @param journal what was to be appended
     * @return null where the file is not one that was being appended to
     */
    static @Nullable List<Edit> undo(String content, Journal.Addition journal) {
        if (content.length() < journal.length() || Fnv.hash(content.substring(0, journal.length())) != journal.hash()) {
            return undoInRewritten(content, journal.appendix());
        }
        String appendix = journal.appendix();
        int base = journal.length();
        if (isLengthenedAlone(content, journal)) {
            return List.of(new Edit.Truncate(base), new Edit.Sync());
        }
        int written = 0;
        while (base + written < content.length()
                && written < appendix.length()
                && isWritten(content.charAt(base + written), appendix, written)) {
            written++;
        }
        if (written < appendix.length() && base + written < content.length()) {
            // others wrote behind half a line, and might have begun as it goes on; a write is cut between pages
            written = Math.max(0, (base + written) / PAGE * PAGE - base);
        }
        if (written == 0) {
            List<Edit> rewritten = undoInRewritten(content, appendix);
            return rewritten == null ? List.of() : rewritten;
        }
        List<Edit> edits = new ArrayList<>();
        Image image = new Image(content);
        boolean newlineAdded = appendix.charAt(0) == '\n';
        int end = base + written;
        if (image.at(end - 1) != '\n') {
            take(new Edit.Put(end - 1, "\n"), image, edits);
        }
        if (newlineAdded && end - base == 1) {
            if (end == image.length()) {
                edits.add(new Edit.Truncate(base));
            }
            return edits; // what stands behind needs the newline now
        }
        int start = newlineAdded ? base + 1 : base;
        boolean newlineToo = newlineAdded && end == image.length();
        edits.addAll(Removal.of(image.toString(), List.of(new Range(start, end)), newlineToo));
        return edits;
    }

    /**
     * Undoes one that fell into the middle of a rewrite: what others wrote then over its beginning stays, its end goes. Only
     * where that end is long enough not to be theirs by chance, and what they wrote ends with a newline.
     */
    private static @Nullable List<Edit> undoInRewritten(String content, String appendix) {
        int base = content.length() - appendix.length();
        int torn = content.length();
        while (torn > Math.max(base, 0) && isWritten(content.charAt(torn - 1), appendix, torn - 1 - base)) {
            torn--;
        }
        boolean isOurs = content.length() - torn >= OwnLine.CHECK;
        return isOurs && torn > 0 && content.charAt(torn - 1) == '\n'
                ? List.of(new Edit.Truncate(torn), new Edit.Sync())
                : null;
    }

    /** The power failed when the file was longer already, and not all that was appended was on the disk. */
    private static boolean isLengthenedAlone(String content, Journal.Addition journal) {
        boolean lacks = false;
        int base = journal.length();
        for (int i = base; i < content.length(); i++) {
            boolean lacking = content.charAt(i) == '\0';
            if (i - base >= journal.appendix().length()
                    || !(lacking || isWritten(content.charAt(i), journal.appendix(), i - base))) {
                return false;
            }
            lacks |= lacking;
        }
        return lacks;
    }

    /** As it was appended, or with the first byte that puts a line in force. */
    private static boolean isWritten(char stands, String appendix, int at) {
        boolean begins = at == 0 || appendix.charAt(at - 1) == '\n';
        return stands == appendix.charAt(at)
                || (begins && appendix.charAt(at) == OwnLine.INERT && (stands == '1' || stands == ':'));
    }

    /**
     * What is left to do of a removal.
     *
     * @param edits the rest of it
     * @param gap comments of ours that are still to be taken out then, because others appended behind them; or null
     */
    record Rest(List<Edit> edits, @Nullable Range gap) {}

    /**
     * Finishes a removal: finds how far it had come, to the byte, and says what is left.
     *
     * @return null where the file never was in a state like this
     */
    static @Nullable Rest finish(String content, Journal.Removal journal) {
        List<Edit> edits = Removal.of(journal.content(), journal.off(), journal.newlineToo());
        Rest rest = finish(content, journal.content(), edits, false);
        if (rest == null) {
            List<Edit> afterPowerLoss = PowerLoss.finish(content, journal.content(), edits);
            rest = afterPowerLoss == null ? null : new Rest(afterPowerLoss, null);
        }
        return rest == null ? finish(content, journal.content(), edits, true) : rest;
    }

    private static @Nullable Rest finish(String content, String before, List<Edit> edits, boolean othersAppended) {
        Walk walk = new Walk(content, before, othersAppended);
        if (walk.isThere()) {
            return rest(content, walk.length(), edits, "");
        }
        for (int i = 0; i < edits.size(); i++) {
            List<Edit> later = edits.subList(i + 1, edits.size());
            switch (edits.get(i)) {
                case Edit.Put(int at, String text) -> {
                    for (int k = 0; k < text.length(); k++) {
                        walk.put(at + k, text.charAt(k));
                        if (walk.isThere()) {
                            List<Edit> from = new ArrayList<>(later);
                            from.addFirst(new Edit.Put(at + k + 1, text.substring(k + 1)));
                            return rest(content, walk.length(), from, "");
                        }
                    }
                }
                case Edit.Append(String text) -> {
                    for (int k = 0; k < text.length(); k++) {
                        walk.append(text.charAt(k));
                        if (walk.isThere()) {
                            return rest(content, walk.length(), later, text.substring(k + 1));
                        }
                    }
                }
                case Edit.Truncate(int length) -> {
                    walk.truncate(length);
                    if (walk.isThere()) {
                        return rest(content, walk.length(), later, "");
                    }
                }
                case Edit.Sync() -> {}
            }
        }
        return null;
    }

    /**
     * What is left to do.
     *
     * @param length of the file as far as it is known; others wrote what stands behind
     * @param open what is left of an append that was cut short
     */
    private static @Nullable Rest rest(String content, int length, List<Edit> edits, String open) {
        Image image = new Image(content);
        List<Edit> rest = new ArrayList<>();
        int foreign = content.length() - length;
        if (!open.isEmpty()) {
            if (foreign > 0) {
                return null;
            }
            take(new Edit.Append(open), image, rest);
        }
        for (Edit edit : edits) {
            if (foreign > 0 && edit instanceof Edit.Append) {
                return null;
            }
            if (foreign > 0 && edit instanceof Edit.Truncate(int to)) {
                boolean newlineNeeded = to > 0 && image.at(to - 1) != '\n'; // by what others wrote
                return new Rest(rest, new Range(newlineNeeded ? to + 1 : to, image.length() - foreign));
            }
            take(edit, image, rest);
        }
        return new Rest(rest, null);
    }

    private static void take(Edit edit, Image image, List<Edit> edits) {
        image.take(edit);
        edits.add(edit);
    }

    /** A simulated file beside what stands, and in how many bytes they differ. */
    private static final class Walk {
        private final String stands;
        private final StringBuilder state;
        private final boolean prefix;
        private int differences;

        /**
         * A walk.
         *
         * @param prefix whether more may stand than the simulated file has
         */
        Walk(String stands, String start, boolean prefix) {
            this.stands = stands;
            this.prefix = prefix;
            this.state = new StringBuilder(start);
            for (int i = 0; i < start.length(); i++) {
                differences += differs(i);
            }
        }

        private int differs(int at) {
            return at < stands.length() && stands.charAt(at) == state.charAt(at) ? 0 : 1;
        }

        void put(int at, char value) {
            differences -= differs(at);
            state.setCharAt(at, value);
            differences += differs(at);
        }

        void append(char value) {
            state.append(value);
            differences += differs(state.length() - 1);
        }

        void truncate(int length) {
            for (int i = length; i < state.length(); i++) {
                differences -= differs(i);
            }
            state.setLength(length);
        }

        int length() {
            return state.length();
        }

        boolean isThere() {
            return differences == 0 && (prefix || state.length() == stands.length());
        }
    }
}
