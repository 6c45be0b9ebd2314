package io.meshcapture.rules;

/**
 * FNV-1a, 64 bits (draft-eastlake-fnv, offset basis and prime from there). It names things and tells equal from changed;
 * nothing depends on its being hard to forge. The JDK's digests would load the security providers: 15 ms of a start.
 */
public final class Fnv {
    private static final long OFFSET_BASIS = 0xcbf29ce484222325L;
    private static final long PRIME = 0x100000001b3L;

    private Fnv() {}

    public static long hash(String text) {
        return update(OFFSET_BASIS, text);
    }

    static long hash(Iterable<String> lines) {
        long hash = OFFSET_BASIS;
        for (String line : lines) {
            hash = update(update(hash, line), "\n");
        }
        return hash;
    }

    private static long update(long hash, String text) {
        for (int i = 0; i < text.length(); i++) {
            hash = (hash ^ (text.charAt(i) & 0xff)) * PRIME;
        }
        return hash;
    }

    /** 16 hexadecimal digits. */
    public static String hex(long hash) {
        String digits = Long.toHexString(hash);
        return "0".repeat(16 - digits.length()) + digits;
    }
}
