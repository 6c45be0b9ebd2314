package io.meshcapture.envoy;

import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import io.meshcapture.plan.Address;
import io.meshcapture.plan.BadValue;
import io.meshcapture.plan.Family;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
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
    public record Socket(Address address, int port, boolean udp) {

        /** {@code [::1]:15001}. */
        @Override
        public String toString() {
            return (address.family() == Family.IPV6 ? "[" + address + "]" : address.toString()) + ":" + port;
        }
    }

    private static final String ORIGINAL_DST =
            "type.googleapis.com/envoy.extensions.filters.listener.original_dst.v3.OriginalDst";

    /** All that is read. */
    private static final List<String> FIELDS = Stream.of(
                    "name",
                    "address",
                    "additional_addresses",
                    "listener_filters",
                    "use_original_dst",
                    "bind_to_port",
                    "deprecated_v1",
                    "transparent")
            .map(field -> "listener." + field)
            .toList();

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
        // a mask does not reach into the states of a dynamic one
        addAll(admin, "static_listeners", ConfigDump.of(admin, "static_listeners", FIELDS), found);
        addAll(admin, "dynamic_listeners", ConfigDump.of(admin, "dynamic_listeners"), found);
        return found;
    }

    private static void addAll(Admin admin, String kind, List<JsonObject> entries, List<RunningListener> found)
            throws NoAnswer {
        for (JsonObject entry : entries) {
            ConfigDump.read(admin, kind, () -> {
                JsonObject listener = listener(entry);
                return listener != null && found.add(read(listener));
            });
        }
    }

    /** Null where it was refused or is not in use yet. */
    private static @Nullable JsonObject listener(JsonObject entry) {
        JsonObject state = entry.has("active_state") ? entry.getAsJsonObject("active_state") : entry;
        return state.has("listener") ? state.getAsJsonObject("listener") : null;
    }

    private static RunningListener read(JsonObject listener) {
        List<Socket> sockets = new ArrayList<>();
        addSocket(listener, sockets);
        for (JsonElement more : ConfigDump.array(listener, "additional_addresses")) {
            addSocket(more.getAsJsonObject(), sockets);
        }
        boolean asks = ConfigDump.isTrue(listener, "use_original_dst");
        for (JsonElement filter : ConfigDump.array(listener, "listener_filters")) {
            JsonObject typed = filter.getAsJsonObject().getAsJsonObject("typed_config");
            asks |= typed != null && ConfigDump.text(typed, "@type").equals(ORIGINAL_DST);
        }
        boolean unbound = listener.has("bind_to_port") && !ConfigDump.isTrue(listener, "bind_to_port");
        if (listener.has("deprecated_v1")) {
            JsonObject old = listener.getAsJsonObject("deprecated_v1");
            unbound |= old.has("bind_to_port") && !ConfigDump.isTrue(old, "bind_to_port");
        }
        return new RunningListener(
                ConfigDump.text(listener, "name"), sockets, !unbound, asks, ConfigDump.isTrue(listener, "transparent"));
    }

    private static void addSocket(JsonObject holder, List<Socket> sockets) {
        JsonObject address = holder.getAsJsonObject("address");
        JsonObject socket = address == null ? null : address.getAsJsonObject("socket_address");
        if (socket == null) {
            return;
        }
        try {
            sockets.add(new Socket(
                    Address.parse(ConfigDump.text(socket, "address")),
                    socket.has("port_value") ? socket.get("port_value").getAsInt() : 0,
                    ConfigDump.text(socket, "protocol").equals("UDP")));
        } catch (BadValue e) {
            throw new IllegalStateException(e); // Envoy listens on addresses, never on names
        }
    }
}
