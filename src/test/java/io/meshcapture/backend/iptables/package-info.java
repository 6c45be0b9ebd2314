/** Rules of iptables as text, without a kernel. */
@NullMarked
package io.meshcapture.backend.iptables;

import org.jspecify.annotations.NullMarked;
