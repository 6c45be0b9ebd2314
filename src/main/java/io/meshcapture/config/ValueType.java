package io.meshcapture.config;

import io.meshcapture.plan.BadValue;
import io.meshcapture.plan.Origin;

/** How a text becomes a value. */
@FunctionalInterface
interface ValueType<T> {
    T parse(String text, Origin origin) throws BadValue;
}
