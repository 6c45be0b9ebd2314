package io.meshcapture.doctor;

import java.util.List;

/** Looks at one thing. */
interface Examination {

    /** What it found; something in any case, if only that all is well. */
    List<Finding> examine() throws Exception;
}
