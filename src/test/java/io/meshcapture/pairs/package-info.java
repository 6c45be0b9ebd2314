/**
 * Is what {@code explain} says what the kernel does? Random plans, and for each many random connections of every way that a
 * connection may take: each is explained from the plan and from the live state, and made. A pair that differs is made smaller as long
 * as it still differs, and is kept as a file beside {@link io.meshcapture.pairs.KeptPairsKernelIT}.
 */
@NullMarked
package io.meshcapture.pairs;

import org.jspecify.annotations.NullMarked;
