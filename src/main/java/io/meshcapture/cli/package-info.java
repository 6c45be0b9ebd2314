/**
 * Words in, words out.
 *
 * <p>The only room that prints, and the one that chooses exit codes. Commands are declared with picocli's programmatic
 * API and one at a time, the one that was called: annotations would be read by reflection and every command's options
 * built, a third of a start. Results go to standard output, talk to standard error.
 */
@NullMarked
package io.meshcapture.cli;

import org.jspecify.annotations.NullMarked;
