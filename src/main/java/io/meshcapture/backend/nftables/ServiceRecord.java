package io.meshcapture.backend.nftables;

import io.meshcapture.backend.nftables.Ruleset.Element;
import io.meshcapture.backend.nftables.Ruleset.NftSet;
import io.meshcapture.plan.ServiceName;
import io.meshcapture.rules.Fnv;
import io.meshcapture.rules.ServiceFacts;
import java.time.Instant;
import org.jspecify.annotations.Nullable;

/**
 * What the set {@code services} says about a service: {@code orders 8f0c…e2 0.1.0 2026-11-01T12:00:00Z}.
 *
 * @param name the service
 * @param digest of its capture
 * @param version of meshcapture that applied it, the empty text before that
 * @param since when it was applied, or null before that
 */
record ServiceRecord(
        String name,
        String digest,
        String version,
        @Nullable Instant since) {

    static ServiceRecord unapplied(ServiceFacts facts) {
        return new ServiceRecord(facts.name().value(), facts.digest(), "", null);
    }

    /** The comment, at most 128 bytes: 40 + 16 + 20 and a version. */
    String comment() {
        return since == null ? name + " " + digest : name + " " + digest + " " + version + " " + since;
    }

    /** Reads a comment; null where it is not one of ours. */
    static @Nullable ServiceRecord parse(String comment) {
        String[] words = comment.split(" ", -1);
        if (words.length == 2) {
            return new ServiceRecord(words[0], words[1], "", null);
        }
        try {
            return words.length == 4 ? new ServiceRecord(words[0], words[1], words[2], Instant.parse(words[3])) : null;
        } catch (java.time.format.DateTimeParseException e) {
            return null;
        }
    }

    /**
     * Records the services of what is to stand: one whose capture is the same keeps its record.
     *
     * @param stands what stands, or null for nothing
     * @param now of the others, or null where nothing will be applied
     */
    static void stamp(Ruleset wanted, @Nullable Ruleset stands, String version, @Nullable Instant now) {
        NftSet records = wanted.sets().get(Ruleset.SERVICES);
        NftSet before = stands == null ? null : stands.sets().get(Ruleset.SERVICES);
        if (records == null) {
            return;
        }
        records.elements().replaceAll((key, element) -> {
            ServiceRecord record = parse(element.comment());
            Element old = before == null ? null : before.elements().get(key);
            ServiceRecord standing = old == null ? null : parse(old.comment());
            if (record == null) {
                return element;
            }
            if (old != null
                    && standing != null
                    && standing.since() != null
                    && standing.digest().equals(record.digest())) {
                return old;
            }
            return now == null
                    ? element
                    : Element.of(key, new ServiceRecord(record.name(), record.digest(), version, now).comment(), "");
        });
    }

    /** The element's key: a set needs one, and 64 bits of a hash of the name need no bookkeeping. */
    static String key(ServiceName name) {
        String hex = Fnv.hex(Fnv.hash(name.value()));
        return "0x" + hex.substring(0, 8) + " . 0x" + hex.substring(8);
    }
}
