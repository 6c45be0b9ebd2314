package io.meshcapture.backend.nftables;

import io.meshcapture.plan.Plan;
import io.meshcapture.rules.Decision;
import io.meshcapture.rules.DecisionCompiler;
import io.meshcapture.rules.SmallWorld;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;

/** Rulesets for tests. */
final class Listings {
    private Listings() {}

    /** What a real nft printed, beside the tests. */
    static String real(String name) {
        try (InputStream stream = Listings.class.getResourceAsStream(name)) {
            if (stream == null) {
                throw new IllegalArgumentException(name);
            }
            return new String(stream.readAllBytes(), StandardCharsets.UTF_8);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    static Decision random(SmallWorld world) {
        Plan plan = world.plan();
        return DecisionCompiler.compile(plan, world.host(plan));
    }

    static Ruleset rendered(SmallWorld world) {
        return RulesetRenderer.render(random(world));
    }
}
