/**
 * Where does the kernel take a real connection?
 *
 * <p>A probe is the first packet of a connection, sent as the caller that is meant ({@link io.meshcapture.probe.ProbeRun}) or from
 * outside ({@link io.meshcapture.probe.ProbedArrivals}), and caught behind all rules of this machine, so that it reaches nobody.
 * What became of it is held against what the decision says ({@link io.meshcapture.probe.ProbeVerdicts}); of those that went
 * elsewhere, whoever decided is named ({@link io.meshcapture.probe.ProbeCulprits}).
 */
@NullMarked
package io.meshcapture.probe;

import org.jspecify.annotations.NullMarked;
