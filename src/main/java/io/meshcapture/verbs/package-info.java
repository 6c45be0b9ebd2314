/**
 * What does apply, check, rollback… mean?
 *
 * <p>A class a verb. It takes a plan and a {@link io.meshcapture.verbs.Place}, returns an outcome and prints nothing;
 * what takes time tells its {@link io.meshcapture.verbs.Progress}.
 */
@NullMarked
package io.meshcapture.verbs;

import org.jspecify.annotations.NullMarked;
