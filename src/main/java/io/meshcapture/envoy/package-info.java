/**
 * What does an Envoy look like that fits the plan, and does the one that runs fit?
 *
 * <p>The first half is pure: {@link io.meshcapture.envoy.Bootstrap} makes of a plan and a few facts about the host the
 * configuration that serves everything in the plan, as {@link io.meshcapture.envoy.Message}s, which are written as YAML by a
 * library, with a comment wherever a setting is there for a reason that cannot be seen. The other half asks a running Envoy
 * by its admin interface, with bounds, and believes nothing of what it answers.
 *
 * <p>The verbs look into this room and not the other way round: apply, check and explain ask what Envoy serves, and
 * {@code envoy-config} is a verb like any other.
 */
@NullMarked
package io.meshcapture.envoy;

import org.jspecify.annotations.NullMarked;
