/**
 * Do the distribution, as the build leaves it, and the init image work in containers of another Debian than the machine's?
 *
 * <p>The distribution's container is Debian 13, whose libnftables (1.1.3) spells rules in other words than Debian 12's, with a read-only
 * root, none of the usual places to write, the capability NET_ADMIN and no other, and Docker's own seccomp filter.
 * The init image runs beside a real Envoy and clients that nobody modified, in a {@link io.meshcapture.container.Pod}.
 * {@link io.meshcapture.container.Engine} is a Docker Engine for these tests alone, made and ended by
 * {@code test-env/docker}, which never sees the machine's network; Testcontainers talks to it and to no other.
 */
@NullMarked
package io.meshcapture.container;

import org.jspecify.annotations.NullMarked;
