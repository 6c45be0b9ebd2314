package io.meshcapture.verbs;

import io.meshcapture.backend.Finding;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * One difference between what stands and what should.
 *
 * @param service the service that it concerns, or null where it is shared by all
 * @param where the place: {@code chain output rule 3}, {@code map user_1_ip}
 * @param stands what is there, the empty text for nothing
 * @param should what the plan asks for, the empty text for nothing
 * @param needsPerson whether apply leaves it alone, and refuses, until a person has changed what stands
 */
public record Difference(@Nullable String service, String where, String stands, String should, boolean needsPerson) {

    Difference(@Nullable String service, String where, String stands, String should) {
        this(service, where, stands, should, false);
    }

    /** Whether nothing of ours is missing, but stands behind a rule of others; the place names it. */
    boolean isOfOrder() {
        return stands.isEmpty() && where.contains(Finding.BEFORE);
    }

    static List<Difference> of(List<Finding> findings) {
        return findings.stream().map(Difference::of).toList();
    }

    static Difference of(Finding finding) {
        return new Difference(finding.service(), finding.where(), finding.stands(), finding.should());
    }
}
