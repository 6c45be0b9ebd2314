package io.meshcapture.system;

import io.meshcapture.failure.Failure;
import io.meshcapture.plan.Address;
import io.meshcapture.plan.BadValue;
import io.meshcapture.plan.Family;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The DNS servers of a namespace, from its resolv.conf(5).
 *
 * @param file where they are written, as a user would look for it
 * @param servers each once, in their order. All of them: glibc and musl ask the first three only, others more
 * @param others what is written as a server and is no address by itself, such as {@code fe80::1%eth0}
 */
public record ResolvConf(Path file, List<Address> servers, List<String> others) {

    private static final Path HERE = Path.of("/etc/resolv.conf");
    private static final Path OF_NAMED = Path.of("/etc/netns");
    private static final String MEND = "name the servers with dns.servers, or write any";

    /** More than any resolver reads; a file of this size is something else. */
    private static final int MOST_BYTES = 1 << 20;

    public ResolvConf {
        servers = List.copyOf(servers);
        others = List.copyOf(others);
    }

    /**
     * Reads that of a namespace, once.
     *
     * @param namespace as {@code --netns} names it: with a name of ip-netns(8), the file that {@code ip netns exec} would lay over the
     *     host's; with a pid, that of the process's root; null for this process's own
     * @throws Failure.Conflict where it cannot be read
     */
    public static ResolvConf of(@Nullable String namespace) {
        if (namespace != null && !namespace.isEmpty() && namespace.chars().allMatch(c -> c >= '0' && c <= '9')) {
            return read(Path.of("/proc", namespace, "root"), HERE);
        }
        if (namespace != null) {
            Path named = OF_NAMED.resolve(Path.of(namespace).getFileName()).resolve(HERE.getFileName());
            if (Files.exists(named)) {
                return read(Path.of("/"), named);
            }
        }
        return read(Path.of("/"), HERE);
    }

    /**
     * Reads one below a root, whose links stay there.
     *
     * @param file its absolute name below it
     * @throws Failure.Conflict where it cannot be read
     */
    public static ResolvConf read(Path root, Path file) {
        Path shown = root.resolve(Path.of("/").relativize(file));
        try {
            Path found = FilesBelow.follow(root, file);
            if (!Files.isRegularFile(found)) {
                throw new Failure.Conflict(
                        "the DNS servers cannot be read from " + shown,
                        Files.exists(found) ? "it is not a file" : missing(root, file, found),
                        MEND);
            }
            if (Files.size(found) > MOST_BYTES) {
                throw new Failure.Conflict(
                        "the DNS servers cannot be read from " + shown,
                        "it has more than " + MOST_BYTES + " bytes",
                        MEND);
            }
            return parse(shown, Files.readString(found, StandardCharsets.ISO_8859_1));
        } catch (IOException e) {
            throw new Failure.Conflict(
                    "the DNS servers cannot be read from " + shown, String.valueOf(e.getMessage()), MEND);
        }
    }

    private static String missing(Path root, Path file, Path found) {
        Path plain = root.resolve(Path.of("/").relativize(file));
        return found.equals(plain) ? "it does not exist" : "it is a link to " + found + ", which does not exist";
    }

    static ResolvConf parse(Path file, String text) {
        List<Address> servers = new ArrayList<>();
        List<String> others = new ArrayList<>();
        for (String line : text.lines().toList()) {
            String[] words = line.strip().split("[\\s,;#]+", 3);
            if (words.length > 1 && words[0].equals("nameserver") && !words[1].isEmpty()) {
                Address server = server(words[1]);
                if (server == null) {
                    others.add(words[1]);
                } else if (!servers.contains(server)) {
                    servers.add(server);
                }
            }
        }
        return new ResolvConf(file, servers, others);
    }

    /** Null for what is no address. The one of all zeros is the host itself: the kernel connects it to loopback. */
    private static @Nullable Address server(String text) {
        try {
            Address address = Address.parse(text);
            boolean zeros = address.high() == 0 && address.low() == 0;
            if (!zeros) {
                return address;
            }
            return address.family() == Family.IPV4 ? Address.LOOPBACK_IPV4 : Address.LOOPBACK_IPV6;
        } catch (BadValue e) {
            return null;
        }
    }
}
