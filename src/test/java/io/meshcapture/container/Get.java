package io.meshcapture.container;

import java.io.IOException;
import java.net.URI;

/** A JVM client that knows nothing of Envoy or meshcapture: prints what a URL answers. It runs in a container. */
final class Get {
    private Get() {}

    public static void main(String... arguments) throws IOException {
        try (var answer = URI.create(arguments[0]).toURL().openStream()) {
            answer.transferTo(System.out);
        }
        System.out.flush();
    }
}
