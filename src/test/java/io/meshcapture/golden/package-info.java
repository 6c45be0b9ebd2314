/**
 * Does a plan become what we think it becomes?
 *
 * <p>Each directory beside this package's resources is a story: a plan, the ruleset that it becomes, and questions with
 * the answers of {@code explain}; or, for a plan that is refused, the refusal. The directories' names are sentences.
 */
@NullMarked
package io.meshcapture.golden;

import org.jspecify.annotations.NullMarked;
