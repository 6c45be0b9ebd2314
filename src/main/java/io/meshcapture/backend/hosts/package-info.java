/**
 * How is capture by name written into the hosts file, and what stands there now?
 *
 * <p>The file belongs to everybody: a broken one breaks the machine, and it is a bind mount in every container, where it
 * cannot be replaced by another file. So it is edited in place, by {@link io.meshcapture.backend.hosts.Edit}s of which each
 * leaves a file that reads as before, or with one line more or less. {@code Addition} and {@code Removal} plan them; both
 * are pure, and know a file as bytes of which our lines are known by their tags. {@code HostsEditor} does them, alone,
 * with a journal of what is under way, and undoes or finishes what an earlier run left.
 */
@NullMarked
package io.meshcapture.backend.hosts;

import org.jspecify.annotations.NullMarked;
