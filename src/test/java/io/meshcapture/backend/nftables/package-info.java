/** Tests of the nftables backend that need no kernel, and beside them those that do. */
@NullMarked
package io.meshcapture.backend.nftables;

import org.jspecify.annotations.NullMarked;
