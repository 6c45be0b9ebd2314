package io.meshcapture.config;

import io.meshcapture.plan.Origin;

/**
 * A value and where it was written.
 *
 * @param value the value
 * @param origin its place
 */
record Placed<T>(T value, Origin origin) {}
