package io.meshcapture.config;

import java.util.Arrays;

/**
 * A plan as bytes.
 *
 * @param name as the user wrote it: {@code plan.yaml}, {@code standard input}
 * @param content the YAML document
 */
@SuppressWarnings("ArrayRecordComponent") // equals and hashCode go by the bytes
public record PlanSource(String name, byte[] content) {

    @Override
    public boolean equals(Object other) {
        return other instanceof PlanSource that && name.equals(that.name) && Arrays.equals(content, that.content);
    }

    @Override
    public int hashCode() {
        return 31 * name.hashCode() + Arrays.hashCode(content);
    }

    @Override
    public String toString() {
        return name + " (" + content.length + " bytes)";
    }
}
