package io.meshcapture.envoy;

import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Objects;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * A cluster of a running Envoy.
 *
 * @param name its name
 * @param hosts the addresses and names of its endpoints, as they are written
 * @param resolver the extension that looks these names up, its own or that of all Envoy; empty for the default
 * @param forwards whether it looks up whatever name a request is for, as a forward proxy does
 */
public record RunningCluster(String name, Set<String> hosts, String resolver, boolean forwards) {

    private static final String CONFIGURED = "typed_dns_resolver_config";

    /** As in {@code type.googleapis.com/envoy.extensions.network.dns_resolver.cares.v3.CaresDnsResolverConfig}. */
    private static final Pattern TYPE = Pattern.compile("envoy[.]extensions[.]network[.]dns_resolver[.]\\w+");

    private static final String FORWARD_PROXY = "envoy.extensions.clusters.dynamic_forward_proxy.";

    /** All that is read. */
    private static final List<String> FIELDS = Stream.of(
                    "name", "load_assignment", "cluster_type", CONFIGURED, "dns_resolution_config", "dns_resolvers")
            .map(field -> "cluster." + field)
            .toList();

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
        String usual = name(ConfigDump.ofBootstrap(admin, CONFIGURED));
        List<RunningCluster> found = new ArrayList<>();
        for (String kind : List.of("static_clusters", "dynamic_active_clusters")) {
            for (JsonObject entry : ConfigDump.of(admin, kind, FIELDS)) {
                ConfigDump.read(admin, kind, () -> {
                    JsonObject cluster = entry.getAsJsonObject("cluster");
                    Set<String> hosts = new LinkedHashSet<>();
                    JsonObject assignment = cluster.getAsJsonObject("load_assignment");
                    if (assignment != null) {
                        addHosts(assignment, hosts);
                    }
                    return found.add(new RunningCluster(
                            ConfigDump.text(cluster, "name"), hosts, resolver(cluster, usual), forwards(cluster)));
                });
            }
        }
        return found;
    }

    /** Of the cluster itself, or of its type where that is an extension; else that of all clusters. */
    private static String resolver(JsonObject cluster, String usual) {
        JsonObject configured = typed(cluster);
        JsonObject cache = configured == null ? null : configured.getAsJsonObject("dns_cache_config");
        for (JsonObject holder :
                Stream.of(cache, configured, cluster).filter(Objects::nonNull).toList()) {
            if (holder.has(CONFIGURED)) {
                return name(holder.getAsJsonObject(CONFIGURED));
            }
        }
        // servers of its own, as they were written before there were extensions, are c-ares's
        return cluster.has("dns_resolution_config") || cluster.has("dns_resolvers") ? "" : usual;
    }

    /** The configuration of its type, where that is an extension. */
    private static @Nullable JsonObject typed(JsonObject cluster) {
        JsonObject type = cluster.getAsJsonObject("cluster_type");
        return type == null ? null : type.getAsJsonObject("typed_config");
    }

    private static boolean forwards(JsonObject cluster) {
        JsonObject configured = typed(cluster);
        return configured != null && ConfigDump.text(configured, "@type").contains(FORWARD_PROXY);
    }

    /** Envoy goes by the type of the configuration, whatever its name. */
    private static String name(@Nullable JsonObject resolver) {
        if (resolver == null) {
            return "";
        }
        JsonObject typed = resolver.getAsJsonObject("typed_config");
        Matcher type = TYPE.matcher(typed == null ? "" : ConfigDump.text(typed, "@type"));
        return type.find() ? type.group().replaceFirst("extensions[.]", "") : ConfigDump.text(resolver, "name");
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
