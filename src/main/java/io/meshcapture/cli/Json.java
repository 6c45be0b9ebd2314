package io.meshcapture.cli;

import com.google.gson.FormattingStyle;
import com.google.gson.stream.JsonWriter;
import io.meshcapture.verbs.Difference;
import java.io.IOException;
import java.io.PrintWriter;
import java.util.List;

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
