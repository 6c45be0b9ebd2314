package io.meshcapture.envoy;

import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;

/**
 * A cluster of a running Envoy.
 *
 * @param name its name
 * @param hosts the addresses and names of its endpoints, as they are written
 * @param resolver the extension that looks these names up; empty for Envoy's default
 */
public record RunningCluster(String name, Set<String> hosts, String resolver) {

    public RunningCluster {
        hosts = Set.copyOf(hosts);
    }

    /**
     * All that an Envoy has, those of its bootstrap and those that it was given later; endpoints that a control plane tells
     * apart from their cluster are addresses and left out.
     *
     * @throws NoAnswer where it cannot be asked, or answers something else
     */
    public static List<RunningCluster> of(Admin admin) throws NoAnswer {
        List<RunningCluster> found = new ArrayList<>();
        for (String kind : List.of("static_clusters", "dynamic_active_clusters")) {
            for (JsonObject entry : ConfigDump.of(admin, kind)) {
                ConfigDump.read(admin, kind, () -> {
                    JsonObject cluster = entry.getAsJsonObject("cluster");
                    Set<String> hosts = new LinkedHashSet<>();
                    JsonObject assignment = cluster.getAsJsonObject("load_assignment");
                    if (assignment != null) {
                        addHosts(assignment, hosts);
                    }
                    return found.add(new RunningCluster(ConfigDump.text(cluster, "name"), hosts, resolver(cluster)));
                });
            }
        }
        return found;
    }

    /** Of the cluster itself, or of its type where that is an extension. */
    private static String resolver(JsonObject cluster) {
        JsonObject type = cluster.getAsJsonObject("cluster_type");
        JsonObject configured = type == null ? null : type.getAsJsonObject("typed_config");
        for (JsonObject holder : configured == null ? List.of(cluster) : List.of(configured, cluster)) {
            JsonObject resolver = holder.getAsJsonObject("typed_dns_resolver_config");
            if (resolver != null) {
                return ConfigDump.text(resolver, "name");
            }
        }
        return "";
    }

    private static void addHosts(JsonObject assignment, Set<String> hosts) {
        for (JsonElement locality : ConfigDump.array(assignment, "endpoints")) {
            for (JsonElement one : ConfigDump.array(locality.getAsJsonObject(), "lb_endpoints")) {
                JsonObject endpoint = one.getAsJsonObject().getAsJsonObject("endpoint");
                JsonObject address = endpoint == null ? null : endpoint.getAsJsonObject("address");
                JsonObject socket = address == null ? null : address.getAsJsonObject("socket_address");
                if (socket != null) {
                    hosts.add(ConfigDump.text(socket, "address"));
                }
            }
        }
    }
}
