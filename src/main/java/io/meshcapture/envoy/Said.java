package io.meshcapture.envoy;

import java.util.HashSet;
import java.util.Set;

/** Each reason once in a file, where its setting first stands. */
final class Said {
    private final Set<String> said = new HashSet<>();

    String once(String reason) {
        return said.add(reason) ? reason : "";
    }
}
