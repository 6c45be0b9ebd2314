/**
 * What about this host could keep capture from working?
 *
 * <p>Each {@link io.meshcapture.doctor.Examination} looks at one thing and answers with {@link
 * io.meshcapture.doctor.Finding}s: what it is, why it matters, what to do. Nothing is changed, and nothing that cannot be
 * seen is guessed. Files are read below the root of {@link io.meshcapture.doctor.HostFiles}, so that a test lays out any host that it
 * likes; what the kernel alone knows is tried in a network namespace of its own.
 *
 * <p>A <em>problem</em> keeps capture from working here, a <em>warning</em> may bite, a <em>note</em> is good to know and
 * healthy hosts have some.
 */
@NullMarked
package io.meshcapture.doctor;

import org.jspecify.annotations.NullMarked;
