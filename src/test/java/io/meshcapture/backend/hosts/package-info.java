@NullMarked
package io.meshcapture.backend.hosts;

import org.jspecify.annotations.NullMarked;
