package io.meshcapture.backend;

import java.util.List;

/** A change that has not been committed. */
public interface Change {

    /** What it is made of. */
    List<Finding> differences();

    /** Whether the live state is as it should be already. */
    boolean isNothing();
}
