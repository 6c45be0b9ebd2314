/**
 * Where did each setting come from?
 *
 * <p>{@link io.meshcapture.config.Configuration} reads the plan's YAML, the flags and the environment into one
 * {@link io.meshcapture.plan.Plan}. Per key a flag wins over the environment, the environment over the plan, the plan
 * over the default; a list replaces a list. What loses is read all the same, so that a mistake does not wait until the
 * flag above it goes away.
 *
 * <p>YAML gives structure and places only: every scalar is read from its text by the types of {@code plan}, never by
 * YAML's own rules, under which {@code 0x50} is a number and {@code no} is false. Whatever is wrong becomes one
 * {@link io.meshcapture.failure.Problem} with its place, and all of them are thrown together. What is odd but means
 * something becomes a note.
 *
 * <p>The file is read by a process that runs as root, so its size, depth and aliases are bounded before anything is
 * built from it.
 */
@NullMarked
package io.meshcapture.config;

import org.jspecify.annotations.NullMarked;
