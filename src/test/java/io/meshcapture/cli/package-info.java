/** Tests of words in and words out, without privileges. */
@NullMarked
package io.meshcapture.cli;

import org.jspecify.annotations.NullMarked;
