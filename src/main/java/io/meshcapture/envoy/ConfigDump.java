package io.meshcapture.envoy;

import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParseException;
import com.google.gson.JsonParser;
import io.meshcapture.plan.BadValue;
import java.net.HttpURLConnection;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** What {@code /config_dump} tells of one kind of resource. */
final class ConfigDump {

    /** Ten thousand clusters have some 10 MiB. */
    private static final int MOST = 32 * 1024 * 1024;

    /** As many have room in little memory; in a real answer each takes some forty bytes. */
    private static final int MOST_VALUES = 1_000_000;

    private ConfigDump() {}

    /** Reads something out of an answer. */
    interface Reading<T> {
        T read() throws NoAnswer;
    }

    /**
     * The entries of a kind.
     *
     * @param kind a field of the dumps, such as {@code static_listeners}
     * @throws NoAnswer where it cannot be asked, or answers something else
     */
    static List<JsonObject> of(Admin admin, String kind) throws NoAnswer {
        return configs(admin, path(kind));
    }

    /**
     * Likewise, only some of their fields: with thousands of services by name all of them are tens of megabytes.
     *
     * @param fields as in {@code listener.name}; an Envoy that does not know one of them is asked for everything
     */
    static List<JsonObject> of(Admin admin, String kind, List<String> fields) throws NoAnswer {
        String path = path(kind) + "&mask=" + String.join(",", fields);
        Admin.Answer answer = admin.get(path, MOST);
        return answer.status() == HttpURLConnection.HTTP_BAD_REQUEST ? of(admin, kind) : configs(admin, path, answer);
    }

    /**
     * A field of the bootstrap, which is no list and so is asked for by a mask; null where it is not set.
     *
     * @throws NoAnswer where it cannot be asked, or answers something else
     */
    static @Nullable JsonObject ofBootstrap(Admin admin, String field) throws NoAnswer {
        String path = "/config_dump?mask=bootstrap." + field;
        List<JsonObject> configs = configs(admin, path);
        return reading(admin, path, () -> {
                    for (JsonObject config : configs) {
                        JsonObject bootstrap = config.getAsJsonObject("bootstrap");
                        if (bootstrap != null && bootstrap.has(field)) {
                            return Optional.of(bootstrap.getAsJsonObject(field));
                        }
                    }
                    return Optional.<JsonObject>empty();
                })
                .orElse(null);
    }

    private static List<JsonObject> configs(Admin admin, String path) throws NoAnswer {
        return configs(admin, path, admin.get(path, MOST));
    }

    private static List<JsonObject> configs(Admin admin, String path, Admin.Answer answer) throws NoAnswer {
        return reading(admin, path, () -> {
            if (answer.status() != 200) {
                throw new IllegalStateException("status " + answer.status());
            }
            List<JsonObject> entries = new ArrayList<>();
            for (JsonElement entry : array(object(admin, answer.text()), "configs")) {
                entries.add(entry.getAsJsonObject());
            }
            return entries;
        });
    }

    /**
     * An answer's text as what it says. Thirty megabytes of the smallest values there are would take a thousand in memory, and
     * minutes.
     *
     * @throws NoAnswer where it has more values than Envoy's answers have
     */
    static JsonObject object(Admin admin, String text) throws NoAnswer {
        // each value but the first is behind one of these; in a text that Envoy gives, few stand inside of strings
        if (text.chars()
                        .filter(c -> c == ',' || c == '[' || c == '{')
                        .limit(MOST_VALUES)
                        .count()
                == MOST_VALUES) {
            throw new NoAnswer("the answer at " + admin.address() + " has more than " + MOST_VALUES + " values");
        }
        return JsonParser.parseString(text).getAsJsonObject();
    }

    private static String path(String kind) {
        return "/config_dump?resource=" + kind;
    }

    /** @throws NoAnswer where what is read has another shape than Envoy's answers have */
    static <T> T read(Admin admin, String kind, Reading<T> reading) throws NoAnswer {
        return reading(admin, path(kind), reading);
    }

    /** Likewise, of the answer to another question. */
    static <T> T reading(Admin admin, String path, Reading<T> reading) throws NoAnswer {
        try {
            return reading.read();
        } catch (JsonParseException
                | IllegalStateException
                | UnsupportedOperationException
                | ClassCastException
                | NullPointerException
                | NumberFormatException e) {
            throw new NoAnswer("the answer at " + admin.address() + " to " + path + " is not Envoy's");
        }
    }

    static JsonArray array(JsonObject holder, String name) {
        return holder.has(name) ? holder.getAsJsonArray(name) : new JsonArray();
    }

    /** As it may be shown: whoever answers at that address could write to somebody's terminal otherwise. */
    static String text(JsonObject holder, String name) {
        return holder.has(name) ? BadValue.printable(holder.get(name).getAsString()) : "";
    }

    static boolean isTrue(JsonObject holder, String name) {
        return holder.has(name) && holder.get(name).getAsBoolean();
    }
}
