/**
 * The laboratory of the tests that need a real kernel: where do connections really go?
 *
 * <p>A test marked {@link io.meshcapture.lab.InNetns} runs on a thread of its own, in a network and a mount namespace
 * of its own, which vanish with the thread. It asks for a {@link io.meshcapture.lab.Lab}, the standard situation: this
 * namespace is the machine of the applications ({@code app}), a second one behind a veth pair ({@code srv}) answers for
 * the rest of the world. {@link io.meshcapture.lab.Standin} plays Envoy or a server and says who it is,
 * {@link io.meshcapture.lab.Caller} plays an application of any user, group or cgroup, and
 * {@link io.meshcapture.lab.Verdict} says where its connection landed.
 *
 * <p>Sockets are made by system calls through JNR, not by {@code java.net}: the kernel's owner and cgroup matches look
 * at the credentials with which a socket was <em>opened</em>, Java opens IPv6 sockets for IPv4 destinations, and the
 * original destination of a redirected connection is a socket option that Java does not know.
 *
 * <p>Everything fails closed: what would touch the machine's own namespace is refused, and a machine that cannot make
 * namespaces fails the test; nothing is skipped.
 */
@NullMarked
package io.meshcapture.lab;

import org.jspecify.annotations.NullMarked;
