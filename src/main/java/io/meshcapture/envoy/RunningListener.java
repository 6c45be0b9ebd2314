package io.meshcapture.envoy;

import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParseException;
import com.google.gson.JsonParser;
import io.meshcapture.plan.Address;
import io.meshcapture.plan.BadValue;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A listener of a running Envoy.
 *
 * @param name its name
 * @param sockets where it listens; without those of the file system
 * @param bound whether it has them itself, and not another listener that hands connections on to it
 * @param originalDestination whether it asks the kernel where the client wanted to go
 * @param transparent whether it takes connections to addresses of others
 */
public record RunningListener(
        String name, List<Socket> sockets, boolean bound, boolean originalDestination, boolean transparent) {

    /**
     * Where it listens.
     *
     * @param address all zeros for any
     * @param port 0 to 65535; 0 where the kernel was to choose one
     * @param udp whether it takes datagrams
     */
    public record Socket(Address address, int port, boolean udp) {}

    private static final int MOST = 32 * 1024 * 1024;
    private static final String ORIGINAL_DST =
            "type.googleapis.com/envoy.extensions.filters.listener.original_dst.v3.OriginalDst";

    public RunningListener {
        sockets = List.copyOf(sockets);
    }

    /**
     * All that an Envoy has, those of its bootstrap and those that it was given later.
     *
     * @throws NoAnswer where it cannot be asked, or answers something else
     */
    public static List<RunningListener> of(Admin admin) throws NoAnswer {
        List<RunningListener> found = new ArrayList<>();
        for (String kind : List.of("static_listeners", "dynamic_listeners")) {
            String path = "/config_dump?resource=" + kind;
            Admin.Answer answer = admin.get(path, MOST);
            try {
                if (answer.status() != 200) {
                    throw new IllegalStateException("status " + answer.status());
                }
                JsonObject dump = JsonParser.parseString(answer.text()).getAsJsonObject();
                for (JsonElement entry : array(dump, "configs")) {
                    JsonObject listener = listener(entry.getAsJsonObject());
                    if (listener != null) {
                        found.add(read(listener));
                    }
                }
            } catch (JsonParseException
                    | IllegalStateException
                    | UnsupportedOperationException
                    | ClassCastException
                    | NumberFormatException e) {
                throw new NoAnswer("the answer at " + admin.address() + " to " + path + " is not Envoy's");
            }
        }
        return found;
    }

    /** Null where it was refused or is not in use yet. */
    private static @Nullable JsonObject listener(JsonObject entry) {
        JsonObject state = entry.has("active_state") ? entry.getAsJsonObject("active_state") : entry;
        return state.has("listener") ? state.getAsJsonObject("listener") : null;
    }

    private static RunningListener read(JsonObject listener) {
        List<Socket> sockets = new ArrayList<>();
        addSocket(listener, sockets);
        for (JsonElement more : array(listener, "additional_addresses")) {
            addSocket(more.getAsJsonObject(), sockets);
        }
        boolean asks = isTrue(listener, "use_original_dst");
        for (JsonElement filter : array(listener, "listener_filters")) {
            JsonObject typed = filter.getAsJsonObject().getAsJsonObject("typed_config");
            asks |= typed != null && text(typed, "@type").equals(ORIGINAL_DST);
        }
        boolean unbound = listener.has("bind_to_port") && !isTrue(listener, "bind_to_port");
        if (listener.has("deprecated_v1")) {
            JsonObject old = listener.getAsJsonObject("deprecated_v1");
            unbound |= old.has("bind_to_port") && !isTrue(old, "bind_to_port");
        }
        return new RunningListener(text(listener, "name"), sockets, !unbound, asks, isTrue(listener, "transparent"));
    }

    private static void addSocket(JsonObject holder, List<Socket> sockets) {
        JsonObject address = holder.getAsJsonObject("address");
        JsonObject socket = address == null ? null : address.getAsJsonObject("socket_address");
        if (socket == null) {
            return;
        }
        try {
            sockets.add(new Socket(
                    Address.parse(text(socket, "address")),
                    socket.has("port_value") ? socket.get("port_value").getAsInt() : 0,
                    text(socket, "protocol").equals("UDP")));
        } catch (BadValue e) {
            throw new IllegalStateException(e); // Envoy listens on addresses, never on names
        }
    }

    private static JsonArray array(JsonObject holder, String name) {
        return holder.has(name) ? holder.getAsJsonArray(name) : new JsonArray();
    }

    private static String text(JsonObject holder, String name) {
        return holder.has(name) ? holder.get(name).getAsString() : "";
    }

    private static boolean isTrue(JsonObject holder, String name) {
        return holder.has(name) && holder.get(name).getAsBoolean();
    }
}
