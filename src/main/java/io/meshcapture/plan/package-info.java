/**
 * What does the user want captured?
 *
 * <p>Validated values only. A value of type {@link io.meshcapture.plan.Network} or {@link io.meshcapture.plan.Port}
 * cannot be wrong, and nothing but such values gets from a plan into a ruleset: text from outside becomes one of these
 * types, by its {@code parse}, or it becomes a problem. Pure: no file, no kernel, no clock.
 *
 * <p>{@link io.meshcapture.plan.Origin} says where each value was written, so that whatever is found out about it
 * later, an unknown user or a service that can never decide anything, can still name the line.
 */
@NullMarked
package io.meshcapture.plan;

import org.jspecify.annotations.NullMarked;
