package io.meshcapture.config;

import org.junit.jupiter.api.Test;

class MistakesTest {

    @Test
    void tells_all_mistakes_of_a_plan_at_once_in_the_order_of_the_lines() {
        Sources.assertGolden(
                "mistakes.txt", String.join("\n", Sources.problems(Sources.resource("mistakes.yaml"))) + "\n");
    }
}
