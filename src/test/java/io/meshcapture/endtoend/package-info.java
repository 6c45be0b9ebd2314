/**
 * Does it work for services that nobody modified, with a real Envoy? curl, Python and a JVM call an upstream from a
 * {@link io.meshcapture.endtoend.Playground}, the small machine of {@code test-env}; the built distribution captures
 * them. Each test asks the two who must know: the upstream, by its answer, and Envoy, by its access log and counters.
 *
 * <p>A class has one playground, which ends with it. Each test calls an address that no other test calls, and begins
 * with nothing captured, so that the order of tests does not matter.
 */
@NullMarked
package io.meshcapture.endtoend;

import org.jspecify.annotations.NullMarked;
