package io.meshcapture.plan;

import java.lang.Character.UnicodeScript;
import java.text.Normalizer;
import java.util.EnumSet;
import java.util.Locale;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * What is wrong with a label of a host name, and what to write instead. Names outside ASCII are refused, not converted: the
 * standards do not agree on what some of them mean (faß.de is fass.de in IDNA 2003, which the JDK does, and xn--fa-hia.de in
 * IDNA 2008, RFC 5890), and a hosts file knows bytes. The mend shows the label of IDNA 2008.
 */
final class HostLabel {
    private static final int LONGEST = 63;

    /** Halfwidth and Fullwidth Forms of Unicode. */
    private static final int FIRST_OF_OTHER_WIDTH = 0xff00;

    private static final int LAST_OF_OTHER_WIDTH = 0xffef;

    private HostLabel() {}

    /** What is wrong with an ASCII label in lower case, or null. */
    static @Nullable String mistake(String label) {
        if (label.isEmpty()) {
            return "has an empty label";
        }
        if (label.length() > LONGEST) {
            return "has a label of " + label.length() + " characters, and 63 is the most";
        }
        for (int i = 0; i < label.length(); i++) {
            char c = label.charAt(i);
            boolean allowed = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
            if (!allowed) {
                return "has the character " + BadValue.quote(String.valueOf(c)) + ", which no host name has";
            }
        }
        if (label.startsWith("-") || label.endsWith("-")) {
            return "has a label that begins or ends with -";
        }
        if (label.startsWith(Punycode.PREFIX)) {
            String decoded = Punycode.decode(label.substring(Punycode.PREFIX.length()));
            if (decoded == null
                    || isAscii(decoded)
                    || !decoded.codePoints().allMatch(HostLabel::isOfNames)
                    || !Punycode.encode(decoded).equals(label)
                    || !decoded.equals(normal(decoded))) {
                return "has the label " + BadValue.quote(label) + ", which begins as an A-label and is none (RFC 5890)";
            }
        }
        return null;
    }

    /** A name that is not ASCII, with what is odd about it and what to write. */
    static BadValue notAscii(String name) {
        StringBuilder mend = new StringBuilder();
        for (String label : normal(name).split("\\.", -1)) {
            int stranger =
                    label.codePoints().filter(c -> !isOfNames(c)).findFirst().orElse(-1);
            if (stranger >= 0) {
                return new BadValue(
                        "host name " + BadValue.quote(name) + " has the character " + named(stranger)
                                + ", which no host name has",
                        "write the name in letters, digits and -");
            }
            if (mixesScripts(label)) {
                int odd = label.codePoints().filter(c -> c > 127).findFirst().orElse(0);
                return new BadValue(
                        "host name " + BadValue.quote(name) + " mixes scripts, so that it looks like another name: "
                                + named(odd),
                        "write the name that is meant, in one script");
            }
            mend.append(mend.isEmpty() ? "" : ".").append(isAscii(label) ? label : Punycode.encode(label));
        }
        return new BadValue(
                "host name " + BadValue.quote(name) + " is not ASCII", "write its A-label (IDNA 2008): " + mend);
    }

    private static boolean isAscii(String label) {
        return label.codePoints().allMatch(c -> c < 128);
    }

    /**
     * Letters, digits, marks and, in ASCII, what else labels have; near enough to the table of RFC 5892 to show a mend. What
     * stands for other characters, as a ligature does, is none (section 2.2, Unstable).
     */
    private static boolean isOfNames(int codePoint) {
        if (!compatible(codePoint).equals(Character.toString(codePoint))) {
            return false;
        }
        return codePoint == '-'
                || codePoint == '_'
                || Character.isLetterOrDigit(codePoint)
                || Character.getType(codePoint) == Character.NON_SPACING_MARK
                || Character.getType(codePoint) == Character.COMBINING_SPACING_MARK;
    }

    /** Japanese is written in several. */
    private static boolean mixesScripts(String label) {
        Set<UnicodeScript> scripts = EnumSet.noneOf(UnicodeScript.class);
        label.codePoints()
                .filter(Character::isLetter)
                .mapToObj(UnicodeScript::of)
                .forEach(scripts::add);
        scripts.removeAll(Set.of(UnicodeScript.COMMON, UnicodeScript.INHERITED));
        if (scripts.contains(UnicodeScript.HIRAGANA) || scripts.contains(UnicodeScript.KATAKANA)) {
            scripts.removeAll(Set.of(UnicodeScript.HIRAGANA, UnicodeScript.KATAKANA, UnicodeScript.HAN));
        }
        return scripts.size() > 1;
    }

    /** As IDNA 2008 has it: in lower case, of usual width, composed (RFC 5895 section 2). */
    private static String normal(String text) {
        StringBuilder usual = new StringBuilder();
        text.toLowerCase(Locale.ROOT)
                .codePoints()
                .mapToObj(c ->
                        c >= FIRST_OF_OTHER_WIDTH && c <= LAST_OF_OTHER_WIDTH ? compatible(c) : Character.toString(c))
                .forEach(usual::append);
        return Normalizer.normalize(usual, Normalizer.Form.NFC);
    }

    /** What a character stands for; mostly itself. */
    private static String compatible(int codePoint) {
        return Normalizer.normalize(Character.toString(codePoint), Normalizer.Form.NFKC);
    }

    private static String named(int codePoint) {
        return String.format(Locale.ROOT, "U+%04X", codePoint) + " (" + Character.getName(codePoint) + ")";
    }
}
