/**
 * Are captured connections told from others, and stale UDP flows forgotten, whatever else is open?
 */
@NullMarked
package io.meshcapture.connections;

import org.jspecify.annotations.NullMarked;
