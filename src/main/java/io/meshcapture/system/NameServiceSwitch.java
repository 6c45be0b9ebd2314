package io.meshcapture.system;

import java.nio.file.Path;
import java.util.List;
import java.util.Locale;

/**
 * How names of hosts are looked up (nsswitch.conf(5)): glibc and c-ares, and so Envoy, go by it; musl and Go's own resolver
 * read the hosts file in any case, or do as it says.
 *
 * @param hosts what its line {@code hosts:} says, without comment; the default where it has none
 */
public record NameServiceSwitch(String hosts) {
    public static final Path FILE = Path.of("/etc/nsswitch.conf");

    /** glibc's default where the line or the file is missing (nss/nss_database.c). */
    private static final String DEFAULT = "files dns";

    /** That of a root, such as {@code /proc/PID/root}; where it cannot be read, the default holds. */
    public static NameServiceSwitch below(Path root) {
        String text = FilesBelow.read(root, FILE);
        return text == null ? new NameServiceSwitch(DEFAULT) : parse(text);
    }

    static NameServiceSwitch parse(String text) {
        for (String line : text.split("\n", -1)) {
            String said = line.contains("#") ? line.substring(0, line.indexOf('#')) : line;
            String words = said.strip();
            if (words.toLowerCase(Locale.ROOT).startsWith("hosts:")) {
                return new NameServiceSwitch(words.substring("hosts:".length()).strip());
            }
        }
        return new NameServiceSwitch(DEFAULT);
    }

    /**
     * Whether a name in the hosts file is found there before anybody else could end the search. systemd-resolved reads the
     * file itself ({@code resolve}, nss-resolve(8)), as far as its ReadEtcHosts= is not switched off.
     */
    public boolean readsFiles() {
        for (String word : List.of(hosts.split("\\s+", -1))) {
            if (word.equals("files") || word.equals("resolve")) {
                return true;
            }
            if (word.equals("dns") || word.startsWith("[NOTFOUND=return")) {
                return false; // who is answered there is not asked on
            }
        }
        return false;
    }
}
