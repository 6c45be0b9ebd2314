/**
 * How is capture written in nftables, and what stands there now?
 *
 * <p>One table, {@code inet meshcapture}, ours alone. {@link io.meshcapture.backend.nftables.Ruleset} is its content as
 * nft text, taken apart only as far as sets, elements, chains and rules. The renderer makes one from a decision, the
 * parser reads one from the library's listing, and everything else compares the two: drift is their difference, a
 * transaction is the script that turns one into the other. Rules are compared as text and never parsed.
 *
 * <p>Services are elements of maps, not chains: ten thousand chains take four seconds to load, ten thousand elements a
 * fifth of one (kernel 6.18, nft 1.0.6). Every element carries its service's name as its comment, and the set
 * {@code services} says since when and by which version, so that status, check and rollback need no file.
 */
@NullMarked
package io.meshcapture.backend.nftables;

import org.jspecify.annotations.NullMarked;
