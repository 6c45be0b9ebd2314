package io.meshcapture.backend.iptables;

import java.util.ArrayList;
import java.util.List;

/** Words as iptables-save writes and iptables-restore reads them (xtables_save_string() and add_param_to_argv()). */
final class Words {
    private Words() {}

    /** The words of a line, without their quotes. */
    static List<String> of(String line) {
        List<String> words = new ArrayList<>();
        StringBuilder word = new StringBuilder();
        boolean quoted = false;
        boolean begun = false;
        for (int i = 0; i < line.length(); i++) {
            char c = line.charAt(i);
            if (c == '\\' && quoted && i + 1 < line.length()) {
                word.append(line.charAt(++i));
            } else if (c == '"') {
                quoted = !quoted;
                begun = true;
            } else if (!quoted && (c == ' ' || c == '\t' || c == '\n')) {
                if (begun) {
                    words.add(word.toString());
                    word.setLength(0);
                    begun = false;
                }
            } else {
                word.append(c);
                begun = true;
            }
        }
        if (begun) {
            words.add(word.toString());
        }
        return words;
    }

    /**
     * A word, in quotes where it needs them.
     *
     * @throws IllegalArgumentException for what would end the quotes or the line: nothing of ours has it, and nothing else
     *     gets here
     */
    static String quoted(String word) {
        boolean plain = !word.isEmpty();
        for (int i = 0; i < word.length(); i++) {
            char c = word.charAt(i);
            if (c < ' ' || c > '~' || c == '"' || c == '\\') {
                throw new IllegalArgumentException("a word that cannot be quoted: " + word);
            }
            plain &= (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
        }
        return plain ? word : "\"" + word + "\"";
    }
}
