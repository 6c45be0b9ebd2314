package io.meshcapture.backend.nftables;

import java.util.List;

/**
 * A transaction that has not been committed.
 *
 * @param script nft commands; the empty text where nothing differs
 * @param differences what it changes
 */
public record Change(String script, List<Finding> differences) {

    /** Whether the live state is as it should be already. */
    public boolean isNothing() {
        return script.isEmpty();
    }
}
