package io.meshcapture.cli;

import com.google.gson.FormattingStyle;
import com.google.gson.stream.JsonWriter;
import io.meshcapture.backend.nftables.Finding;
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

    static void findings(JsonWriter json, List<Finding> findings) throws IOException {
        json.name("differences").beginArray();
        for (Finding finding : findings) {
            json.beginObject();
            json.name("service").value(finding.service());
            json.name("where").value(finding.where());
            json.name("stands").value(finding.stands());
            json.name("should").value(finding.should());
            json.endObject();
        }
        json.endArray();
    }
}
