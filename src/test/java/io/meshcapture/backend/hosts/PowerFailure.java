package io.meshcapture.backend.hosts;

import java.util.ArrayList;
import java.util.List;
import java.util.random.RandomGenerator;

/** A file as the disk has it when the power fails in the middle of a change. */
final class PowerFailure {
    private static final int BLOCK = 512;

    private PowerFailure() {}

    /**
     * Some moment; what was synced before it is on the disk, and of all else each block as it was at a moment of its own,
     * the length too. What the length counts and no block was written for is zero.
     */
    static String among(String before, List<Edit> edits, RandomGenerator random) {
        int end = random.nextInt(edits.size() + 1);
        Image image = new Image(before);
        List<String> since = new ArrayList<>(List.of(before));
        for (Edit edit : edits.subList(0, end)) {
            image.take(edit);
            if (edit instanceof Edit.Sync) {
                since.clear();
            }
            since.add(image.toString());
        }
        int length = pick(since, random).length();
        StringBuilder disk = new StringBuilder();
        while (disk.length() < length) {
            int to = Math.min(disk.length() + BLOCK, length);
            String block = pick(since, random);
            disk.append(block, Math.min(disk.length(), block.length()), Math.min(to, block.length()));
            disk.append("\0".repeat(to - disk.length()));
        }
        return disk.toString();
    }

    private static String pick(List<String> some, RandomGenerator random) {
        return some.get(random.nextInt(some.size()));
    }
}
