/** Tests of the decision, and a small world of plans and connections in which services compete often. */
@NullMarked
package io.meshcapture.rules;

import org.jspecify.annotations.NullMarked;
