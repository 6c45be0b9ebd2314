/** What becomes of manifests, as texts. */
@NullMarked
package io.meshcapture.kubernetes;

import org.jspecify.annotations.NullMarked;
