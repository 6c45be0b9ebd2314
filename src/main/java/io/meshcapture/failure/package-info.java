/**
 * What went wrong, because of what, and what to do about it?
 *
 * <p>A sealed few kinds of failure, each tied to one exit code of the command line's contract. Every room may throw
 * them; only {@code cli} turns them into words on standard error and an exit status. Whatever else is thrown is a bug
 * of meshcapture and ends with {@link ExitCode#BUG}.
 */
@NullMarked
package io.meshcapture.failure;

import org.jspecify.annotations.NullMarked;
