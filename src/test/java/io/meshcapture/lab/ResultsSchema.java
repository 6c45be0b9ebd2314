package io.meshcapture.lab;

import com.networknt.schema.InputFormat;
import com.networknt.schema.JsonSchema;
import com.networknt.schema.JsonSchemaFactory;
import com.networknt.schema.SpecVersion;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/** docs/results.schema.json, against which every result is held that a test asks for as JSON. */
public final class ResultsSchema {
    private static final JsonSchema SCHEMA = read();

    private ResultsSchema() {}

    private static JsonSchema read() {
        try {
            return JsonSchemaFactory.getInstance(SpecVersion.VersionFlag.V202012)
                    .getSchema(Files.readString(Path.of("docs/results.schema.json")));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** Throws where the arguments ask for JSON and what was printed is not as the schema says, be it a result or a failure. */
    public static void require(List<String> arguments, String out) {
        if (arguments.contains("json") && !arguments.contains("--watch") && !out.isEmpty()) {
            var wrong = SCHEMA.validate(out, InputFormat.JSON);
            if (!wrong.isEmpty()) {
                throw new AssertionError(wrong + " in " + out);
            }
        }
    }
}
