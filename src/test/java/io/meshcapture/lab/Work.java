package io.meshcapture.lab;

import org.jspecify.annotations.Nullable;

/** Something to do on the thread of a namespace, free to throw anything. */
@FunctionalInterface
public interface Work<T extends @Nullable Object> {
    T run() throws Throwable;
}
