/**
 * Does capture do what it says, on the real kernel? Outbound TCP through nftables, one subject a file, with the program
 * run in this process ({@link io.meshcapture.kernel.Program}) in the laboratory's namespaces.
 */
@NullMarked
package io.meshcapture.kernel;

import org.jspecify.annotations.NullMarked;
