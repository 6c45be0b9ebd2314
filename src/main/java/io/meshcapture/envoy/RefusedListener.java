package io.meshcapture.envoy;

import com.google.gson.JsonObject;
import java.util.ArrayList;
import java.util.List;

/**
 * A listener that an Envoy was given after its start and did not take; what it served before under this name it serves on.
 *
 * @param name its name
 * @param why in Envoy's words
 */
public record RefusedListener(String name, String why) {

    /**
     * All that an Envoy has refused and was not given anew.
     *
     * @throws NoAnswer where it cannot be asked, or answers something else
     */
    public static List<RefusedListener> of(Admin admin) throws NoAnswer {
        String kind = "dynamic_listeners";
        List<RefusedListener> found = new ArrayList<>();
        for (JsonObject entry : ConfigDump.of(admin, kind)) {
            ConfigDump.read(admin, kind, () -> {
                JsonObject error = entry.getAsJsonObject("error_state");
                return error != null
                        && found.add(new RefusedListener(
                                ConfigDump.text(entry, "name"),
                                ConfigDump.text(error, "details").strip()));
            });
        }
        return found;
    }
}
