/**
 * What does this host offer: namespaces, locks, accounts, sockets, flows, processes?
 *
 * <p>Built on {@code ffi} and on files under {@code /proc} and {@code /sys}. Everything that depends on a network
 * namespace is read through {@code /proc/thread-self}, because a namespace belongs to a thread.
 */
@NullMarked
package io.meshcapture.system;

import org.jspecify.annotations.NullMarked;
