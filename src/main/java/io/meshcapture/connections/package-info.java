/**
 * Which connections are open, whose are they, and what becomes of them when capture begins, changes or ends?
 *
 * <p>A captured connection is two sockets of this namespace, Envoy's end and the client's ({@link
 * io.meshcapture.connections.CapturedConnections}). Whose it is, the record in the kernel or the standing decision tells ({@link
 * io.meshcapture.connections.Ownership}). What is open at an apply is left as it is ({@link
 * io.meshcapture.connections.OpenConnections}); UDP flows that contradict the new decision are forgotten, because conntrack would
 * not ask again ({@link io.meshcapture.connections.StaleFlows}, {@link io.meshcapture.connections.CapturedQueries}).
 */
@NullMarked
package io.meshcapture.connections;

import org.jspecify.annotations.NullMarked;
