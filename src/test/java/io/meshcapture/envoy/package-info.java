/** Does Envoy's configuration say what the plan says, and is a bad answer of a running Envoy told from a good one? */
@NullMarked
package io.meshcapture.envoy;

import org.jspecify.annotations.NullMarked;
