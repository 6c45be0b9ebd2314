/**
 * Does the distribution, as the build leaves it, work in a container of another Debian than the machine's?
 *
 * <p>The container is Debian 13, whose libnftables (1.1.3) spells rules in other words than Debian 12's, with a read-only
 * root, none of the usual places to write, the capability NET_ADMIN and no other, and Docker's own seccomp filter.
 * {@link io.meshcapture.container.Engine} is a Docker Engine for these tests alone, made and ended by
 * {@code test-env/docker}, which never sees the machine's network; Testcontainers talks to it and to no other.
 */
@NullMarked
package io.meshcapture.container;

import org.jspecify.annotations.NullMarked;
