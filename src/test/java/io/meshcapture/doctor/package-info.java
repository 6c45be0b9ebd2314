@NullMarked
package io.meshcapture.doctor;

import org.jspecify.annotations.NullMarked;
