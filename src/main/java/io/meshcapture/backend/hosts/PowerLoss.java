package io.meshcapture.backend.hosts;

import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * What a machine that lost its power leaves of a change. Between two syncs the kernel writes blocks in any order, and each
 * as it was at any moment; so every block is looked for in all states that the file went through. Where each is in one,
 * nobody else has written, and the change can be brought to its end from the journal. Pure.
 */
final class PowerLoss {
    /** The least that a disk writes as a whole. */
    private static final int BLOCK = 512;

    private final String content;
    private final Image state;
    private final boolean[] known;
    private final Set<Integer> lengths = new HashSet<>();

    private PowerLoss(String content, String before) {
        this.content = content;
        this.state = new Image(before);
        this.known = new boolean[(content.length() + BLOCK - 1) / BLOCK];
        look(0, content.length());
    }

    /**
     * What brings a change to its end.
     *
     * @param before the file as it was
     * @param edits all of the change
     * @return null where others have written too
     */
    static @Nullable List<Edit> finish(String content, String before, List<Edit> edits) {
        PowerLoss loss = new PowerLoss(content, before);
        for (Edit edit : edits) {
            int end = loss.state.length();
            loss.state.take(edit);
            switch (edit) {
                case Edit.Put(int at, String text) -> loss.look(at, at + text.length());
                case Edit.Append _ -> loss.look(end, loss.state.length());
                case Edit.Truncate(int length) -> loss.look(length, content.length());
                case Edit.Sync() -> {}
            }
        }
        return loss.isAllKnown() ? loss.rest() : null;
    }

    /** Compares the blocks that a range lies in. */
    private void look(int from, int to) {
        lengths.add(state.length());
        for (int block = from / BLOCK; block < known.length && block * BLOCK < to; block++) {
            known[block] |= isAsInState(block * BLOCK, Math.min((block + 1) * BLOCK, content.length()));
        }
    }

    private boolean isAsInState(int from, int to) {
        for (int i = from; i < to; i++) {
            // the length may get to the disk before what was appended, and after what was cut off
            if (content.charAt(i) != (i < state.length() ? state.at(i) : '\0')) {
                return false;
            }
        }
        return true;
    }

    private boolean isAllKnown() {
        for (boolean one : known) {
            if (!one) {
                return false;
            }
        }
        return lengths.contains(content.length()) && state.length() <= content.length();
    }

    private List<Edit> rest() {
        String after = state.toString();
        List<Edit> rest = new ArrayList<>();
        int same = 0;
        while (same < after.length() && after.charAt(same) == content.charAt(same)) {
            same++;
        }
        rest.add(new Edit.Put(same, after.substring(same)));
        rest.add(new Edit.Sync());
        rest.add(new Edit.Truncate(after.length()));
        rest.add(new Edit.Sync());
        return rest;
    }
}
