/** The ways to write capture; one package each. */
@NullMarked
package io.meshcapture.backend;

import org.jspecify.annotations.NullMarked;
