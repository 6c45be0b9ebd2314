package io.meshcapture.cli;

import com.google.gson.FormattingStyle;
import com.google.gson.stream.JsonWriter;
import io.meshcapture.failure.ExitCode;
import io.meshcapture.failure.Problem;
import io.meshcapture.verbs.Difference;
import java.io.IOException;
import java.io.PrintWriter;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Results for machines: one object, whose {@code schema} says what to expect in it. */
final class Json {

    private static final String SCHEMA = "meshcapture/v1";

    private Json() {}

    /** Writes the members of the object. */
    interface Members {
        void write(JsonWriter json) throws IOException;
    }

    static void write(PrintWriter out, Members members) throws IOException {
        JsonWriter json = new JsonWriter(out);
        json.setFormattingStyle(FormattingStyle.PRETTY);
        json.beginObject().name("schema").value(SCHEMA);
        members.write(json);
        json.endObject().flush();
        out.println();
    }

    /**
     * Why there is no result.
     *
     * @param command null where none could be told from the command line
     */
    static void failure(PrintWriter out, @Nullable String command, ExitCode code, List<Problem> problems)
            throws IOException {
        write(out, json -> {
            json.name("command").value(command);
            json.name("failure").beginObject();
            json.name("exit").value(code.status());
            json.name("meaning").value(code.meaning());
            json.name("problems").beginArray();
            for (Problem problem : problems) {
                json.beginObject();
                json.name("what").value(problem.what());
                json.name("because").value(problem.where());
                json.name("mend").value(problem.mend());
                json.endObject();
            }
            json.endArray();
            json.endObject();
        });
    }

    static void texts(JsonWriter json, String name, List<String> texts) throws IOException {
        json.name(name).beginArray();
        for (String text : texts) {
            json.value(text);
        }
        json.endArray();
    }

    static void differences(JsonWriter json, List<Difference> differences) throws IOException {
        json.name("differences").beginArray();
        for (Difference difference : differences) {
            json.beginObject();
            json.name("service").value(difference.service());
            json.name("where").value(difference.where());
            json.name("stands").value(difference.stands());
            json.name("should").value(difference.should());
            json.endObject();
        }
        json.endArray();
    }
}
