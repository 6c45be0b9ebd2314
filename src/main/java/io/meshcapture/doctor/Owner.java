package io.meshcapture.doctor;

import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/** Who writes rules under which names. */
enum Owner {
    ISTIO(
            "Istio",
            "ISTIO_ istio-proxy-",
            Kind.MESH,
            "istio-iptables --cleanup-only, or restart the pod without injection"),
    LINKERD("Linkerd", "PROXY_INIT_", Kind.MESH, "restart the pod without linkerd.io/inject"),
    KUMA("Kuma", "KUMA_MESH_ MESH_INBOUND MESH_OUTBOUND", Kind.MESH, "kumactl uninstall transparent-proxy"),
    CONSUL(
            "Consul",
            "CONSUL_PROXY_ CONSUL_DNS_",
            Kind.MESH,
            "restart the pod without connect-inject, or delete its CONSUL_ chains"),
    APP_MESH("App Mesh", "APPMESH_", Kind.MESH, "restart the task without its proxy configuration"),
    OPEN_SERVICE_MESH("Open Service Mesh", "OSM_PROXY_", Kind.MESH, "restart the pod without injection"),
    CILIUM("Cilium", "CILIUM_ OLD_CILIUM_", Kind.SOCKETS, ""),
    DOCKER("Docker", "DOCKER", Kind.BESIDE, ""),
    PODMAN("Podman or CNI", "NETAVARK netavark CNI- cni_", Kind.BESIDE, ""),
    KUBE_PROXY("kube-proxy", "KUBE-SERVICES KUBE-NODEPORTS kube-proxy", Kind.BESIDE, ""),
    CALICO("Calico", "cali- calico", Kind.BESIDE, ""),
    FLANNEL("Flannel", "FLANNEL- flannel", Kind.BESIDE, ""),
    FIREWALLD("firewalld", "firewalld IN_public FWDI_", Kind.BESIDE, ""),
    UFW("ufw", "ufw- ufw6-", Kind.BESIDE, ""),
    LIBVIRT("libvirt", "LIBVIRT_ libvirt_network", Kind.BESIDE, ""),
    TAILSCALE("Tailscale", "ts-input ts-forward ts-postrouting", Kind.BESIDE, ""),
    FAIL2BAN("fail2ban", "f2b-", Kind.BESIDE, "");

    /** What it means for us. */
    private enum Kind {
        /** Captures what we capture. */
        MESH,
        /** May translate addresses where the connection is opened, before netfilter is asked. */
        SOCKETS,
        /** Goes its own way. */
        BESIDE
    }

    private final String words;
    /** Beginnings of names, a space between. */
    private final String prefixes;

    private final Kind kind;
    private final String removal;

    Owner(String words, String prefixes, Kind kind, String removal) {
        this.words = words;
        this.prefixes = prefixes;
        this.kind = kind;
        this.removal = removal;
    }

    /**
     * The owner of a chain.
     *
     * @param table {@code family name}, or empty where the name says nothing
     */
    static @Nullable Owner of(String table, String chain) {
        String name = table.substring(table.indexOf(' ') + 1);
        for (Owner owner : values()) {
            if (Stream.of(owner.prefixes.split(" ", -1))
                    .anyMatch(prefix -> chain.startsWith(prefix) || name.startsWith(prefix))) {
                return owner;
            }
        }
        return null;
    }

    boolean isMesh() {
        return kind == Kind.MESH;
    }

    String words() {
        return words;
    }

    /** How its rules are removed; empty where that is nobody's wish. */
    String removal() {
        return removal;
    }

    Finding finding(String where) {
        String id = "rules." + name().toLowerCase(java.util.Locale.ROOT).replace('_', '-');
        String what = words + " has rules here: " + where;
        return switch (kind) {
            case MESH ->
                Finding.conflict(Topic.RULES, id, what, OtherMesh.HARM, "remove its capture first: " + removal);
            case SOCKETS ->
                Finding.note(
                        Topic.RULES,
                        id,
                        what,
                        "with its kube-proxy replacement, a service's address is replaced when the connection is opened:"
                                + " rules then see the pod's address, and except and to have to name that",
                        "");
            case BESIDE ->
                Finding.note(
                        Topic.RULES,
                        id,
                        what,
                        "ours are in a table of their own and neither reads nor changes them",
                        "");
        };
    }
}
