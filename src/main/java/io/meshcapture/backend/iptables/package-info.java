/**
 * How is capture written in iptables, and what stands there now?
 *
 * <p>Both flavours, each with the programs of its own, both families. Everything of ours stands in chains whose names begin
 * with {@code MESHCAPTURE}, reached by one jump from each built-in chain. {@link io.meshcapture.backend.iptables.Renderer}
 * makes a {@link io.meshcapture.backend.iptables.Ruleset} for a family from a decision, {@link
 * io.meshcapture.backend.iptables.SaveParser} reads one from iptables-save, and everything else compares the two: drift
 * is their difference, {@link io.meshcapture.backend.iptables.RestoreScript} the input of iptables-restore that turns
 * one into the other. Rules of others are neither written nor moved: chains of ours are replaced whole, and a table is
 * replaced in one instant.
 *
 * <p>A rule that excepts or captures has its service's name as its comment, the chain {@code MESHCAPTURE} says since when
 * and by which version, so that status, check and rollback need no file.
 */
@NullMarked
package io.meshcapture.backend.iptables;

import org.jspecify.annotations.NullMarked;
