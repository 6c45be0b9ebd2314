package io.meshcapture.backend.nftables;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.meshcapture.plan.ServiceName;
import io.meshcapture.rules.ServiceFacts;
import io.meshcapture.rules.SmallWorld;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.util.HashSet;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;

class RulesetRendererTest {

    private static final Pattern COMMENT = Pattern.compile("comment \"([^\"]*)\"");

    /** The kernel takes 128 bytes (NFTNL_UDATA_COMMENT_MAXLEN), and nft's text has no way to escape a quote. */
    @Test
    void every_comment_is_printable_and_short_enough_for_the_kernel() {
        Set<String> comments = new HashSet<>();
        for (int seed = 0; seed < 100; seed++) {
            Matcher found = COMMENT.matcher(RulesetText.of(Listings.rendered(new SmallWorld(seed))));
            while (found.find()) {
                comments.add(found.group(1));
            }
        }
        assertTrue(comments.size() > 20);
        for (String comment : comments) {
            assertTrue(comment.getBytes(StandardCharsets.UTF_8).length <= 128, comment);
            assertTrue(comment.chars().allMatch(c -> c >= ' ' && c <= '~' && c != '\\'), comment);
        }
    }

    @Test
    void the_record_of_a_service_with_the_longest_name_fits_into_a_comment() {
        ServiceName longest = new ServiceName("a".repeat(40));
        ServiceRecord record = new ServiceRecord(
                longest.value(), "0".repeat(16), "10.20.30-SNAPSHOT", Instant.parse("2026-11-01T12:00:00Z"));
        assertTrue(record.comment().length() <= 128, record.comment());
        assertEquals(record, ServiceRecord.parse(record.comment()));
        ServiceRecord unapplied = ServiceRecord.unapplied(new ServiceFacts(longest, "0".repeat(16)));
        assertEquals(unapplied, ServiceRecord.parse(unapplied.comment()));
    }

    @Test
    void a_record_that_was_edited_is_none() {
        assertEquals(null, ServiceRecord.parse(""));
        assertEquals(null, ServiceRecord.parse("orders"));
        assertEquals(null, ServiceRecord.parse("orders 0123 0.1.0 yesterday"));
        assertEquals(null, ServiceRecord.parse("orders 0123 0.1.0 2026-11-01T12:00:00Z more"));
    }

    @Test
    void no_two_rulesets_of_one_decision_differ() {
        for (int seed = 0; seed < 50; seed++) {
            assertEquals(
                    RulesetText.of(Listings.rendered(new SmallWorld(seed))),
                    RulesetText.of(Listings.rendered(new SmallWorld(seed))));
        }
    }
}
