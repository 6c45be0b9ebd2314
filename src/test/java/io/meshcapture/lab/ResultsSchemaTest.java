package io.meshcapture.lab;

import static org.junit.jupiter.api.Assertions.assertDoesNotThrow;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.util.List;
import org.junit.jupiter.api.Test;

class ResultsSchemaTest {
    private static final List<String> JSON = List.of("confirm", "-o", "json");

    @Test
    void result_that_the_schema_does_not_know_is_refused() {
        String result =
                "{\"schema\": \"meshcapture/v1\", \"command\": \"confirm\", \"confirmed\": true, \"services\": []}";
        assertDoesNotThrow(() -> ResultsSchema.require(JSON, result));
        for (String wrong : List.of(
                result.replace("true", "\"yes\""),
                result.replace("\"services\"", "\"service\""),
                result.replace("confirm\"", "perform\""))) {
            assertThrows(AssertionError.class, () -> ResultsSchema.require(JSON, wrong), wrong);
        }
    }
}
