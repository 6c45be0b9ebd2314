package io.meshcapture.verbs;

import io.meshcapture.backend.hosts.HostsFindings;
import io.meshcapture.failure.Failure;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.function.Predicate;

/** What stands in a hosts file, for somebody who only looks: no lock, and no right to write it. */
final class HostsReading {
    /** Others cut the file to nothing and write it again, which takes them some milliseconds. */
    private static final Duration PAUSE = Duration.ofMillis(25);

    private static final int LOOKS = 40;

    private HostsReading() {}

    /** What stands at this moment. */
    static HostsFindings now(Path hosts) {
        if (hosts.equals(Place.NO_HOSTS_FILE)) {
            return HostsFindings.of("");
        }
        if (Files.exists(hosts) && !Files.isRegularFile(hosts)) { // a FIFO would wait, and /dev/zero has no end
            throw unreadable(hosts, "it is no regular file");
        }
        try {
            return HostsFindings.of(Files.readString(hosts, StandardCharsets.ISO_8859_1));
        } catch (IOException e) {
            throw unreadable(hosts, String.valueOf(e.getMessage()));
        }
    }

    private static Failure unreadable(Path hosts, String because) {
        return new Failure.Unavailable(
                "the hosts file " + hosts + " cannot be read", because, "make it, with the names of localhost in it");
    }

    /**
     * What stands when nobody is in the middle of rewriting it: bad news are believed when they are the same four looks long.
     *
     * @param good whether everything is as it should be
     */
    static HostsFindings settled(Path hosts, Predicate<HostsFindings> good) throws InterruptedException {
        HostsFindings before = now(hosts);
        int same = 0;
        for (int i = 0; i < LOOKS && same < 4 && !good.test(before); i++) {
            Thread.sleep(PAUSE);
            HostsFindings next = now(hosts);
            same = next.hasContentOf(before) && !next.isEmpty() ? same + 1 : 0;
            before = next;
        }
        return before;
    }
}
