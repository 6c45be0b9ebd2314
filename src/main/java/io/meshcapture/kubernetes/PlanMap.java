package io.meshcapture.kubernetes;

import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import org.jspecify.annotations.Nullable;

/**
 * The ConfigMap with the plan of pods, for what flags cannot say.
 *
 * @param name its name
 * @param text the plan, where the ConfigMap is written beside the pods; null where somebody else makes it
 */
public record PlanMap(String name, @Nullable String text) {
    /** The key, and so the name of the file. */
    static final String KEY = "plan.yaml";

    /** One that somebody else makes. */
    public static PlanMap named(String name) {
        return new PlanMap(name, null);
    }

    /** One that is written beside the pods. Another plan gets another name, so that it makes new pods. */
    public static PlanMap of(String plan) {
        String text = plan.replace("\r\n", "\n").stripTrailing();
        try {
            byte[] digest = MessageDigest.getInstance("SHA-256").digest(text.getBytes(StandardCharsets.UTF_8));
            return new PlanMap("meshcapture-plan-" + HexFormat.of().formatHex(digest, 0, 4), text);
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException(e); // every Java platform has it
        }
    }
}
