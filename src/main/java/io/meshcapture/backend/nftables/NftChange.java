package io.meshcapture.backend.nftables;

import io.meshcapture.backend.Change;
import io.meshcapture.backend.Finding;
import java.util.List;

/**
 * A change that has not been committed. Each script is one transaction; only the last one alters what happens to new
 * connections.
 *
 * @param clearing takes away what interrupted changes and ended trials left; the empty text where they left nothing
 * @param preparation builds what is to come beside what stands; the empty text where there is nothing to build
 * @param commitment puts it in force; the empty text where everything is as it should be
 * @param differences what the change is made of
 */
record NftChange(String clearing, String preparation, String commitment, List<Finding> differences) implements Change {

    @Override
    public boolean isNothing() {
        return clearing.isEmpty() && preparation.isEmpty() && commitment.isEmpty();
    }
}
