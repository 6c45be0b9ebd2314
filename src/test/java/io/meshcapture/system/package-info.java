/** What is read from the kernel, from texts of it. */
@NullMarked
package io.meshcapture.system;

import org.jspecify.annotations.NullMarked;
