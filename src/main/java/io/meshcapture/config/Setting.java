package io.meshcapture.config;

import java.util.Locale;
import org.jspecify.annotations.Nullable;

/** Every setting of the plan that a flag and an environment variable can give too, declared once. */
public enum Setting {
    ENVOY_USER("envoy.user", "USER", null, true, "user (name or uid) whose own traffic is never captured"),
    ENVOY_GROUP("envoy.group", "GROUP", null, true, "group (name or gid) whose own traffic is never captured"),
    ENVOY_OUTBOUND("envoy.outbound", "PORT", "15001", false, "Envoy's listener for captured outbound TCP"),
    ENVOY_INBOUND("envoy.inbound", "PORT", null, false, "Envoy's listener for captured inbound TCP"),
    ENVOY_DNS("envoy.dns", "PORT", null, false, "Envoy's listener for captured DNS, UDP and TCP"),
    ENVOY_ADMIN("envoy.admin", "HOST:PORT", null, false, "Envoy's admin address, for readiness"),
    BACKEND(
            "backend",
            "BACKEND",
            "auto",
            false,
            "how capture is written: auto, nftables, iptables, iptables-nft or iptables-legacy"),
    IPV6("ipv6", "WORD", "auto", false, "what happens to IPv6: auto, capture, bypass or reject"),
    UDP443("udp443", "WORD", "bypass", false, "what happens to QUIC: bypass or reject"),
    INVALID(
            "invalid",
            "WORD",
            "accept",
            false,
            "packets of captured connections that conntrack calls INVALID: accept or drop"),
    HOSTS_PORTS(
            "hosts-ports",
            "WORD",
            "auto",
            false,
            "how the ports of hosts services reach Envoy: auto, redirect or listeners"),
    ON_ENVOY_DOWN(
            "on-envoy-down",
            "WORD",
            "closed",
            false,
            "what becomes of a service's connections while Envoy is down: closed or open"),
    INBOUND_MODE("inbound.mode", "WORD", "redirect", false, "how inbound connections reach Envoy: redirect or tproxy"),
    INBOUND_TO("inbound.to", "PORTS", "any", true, "inbound ports that are captured: any, or ports"),
    INBOUND_EXCEPT(
            "inbound.except",
            "PORTS",
            "none",
            true,
            "inbound ports that are not captured; envoy stands for the ports that Envoy itself serves"),
    DNS_SERVERS(
            "dns.servers",
            "ADDRESS",
            "resolv.conf",
            true,
            "servers whose queries are captured: resolv.conf, any, or addresses"),
    INTERFACES_EXCEPT("interfaces.except", "INTERFACE", "none", true, "interfaces whose traffic is left alone"),
    INTERFACES_OUTBOUND(
            "interfaces.outbound",
            "INTERFACE",
            "none",
            true,
            "interfaces (bridges of VMs or containers) whose arriving traffic counts as outbound");

    private final String key;
    private final String flag;
    private final String variable;
    private final String label;
    private final @Nullable String defaultText;
    private final boolean list;
    private final String description;

    Setting(String key, String label, @Nullable String defaultText, boolean list, String description) {
        this.key = key;
        this.flag = "--" + key.replace('.', '-');
        this.variable =
                Environment.PREFIX + key.replace('.', '_').replace('-', '_').toUpperCase(Locale.ROOT);
        this.label = label;
        this.defaultText = defaultText;
        this.list = list;
        this.description = description;
    }

    /** Its path in the plan, such as {@code envoy.user}. */
    public String key() {
        return key;
    }

    /** The flag, such as {@code --envoy-user}. */
    public String flag() {
        return flag;
    }

    /** The environment variable, such as {@code MESHCAPTURE_ENVOY_USER}. */
    public String variable() {
        return variable;
    }

    /** What stands for its value in {@code --help}. */
    public String label() {
        return label;
    }

    /** The value where nobody gives one, as the plan writes it ({@code none} for an empty list), or null for none. */
    public @Nullable String defaultText() {
        return defaultText;
    }

    /** Whether it takes several values: the flag repeated, or a comma list in flag and environment. */
    public boolean isList() {
        return list;
    }

    /** One line for {@code --help}. */
    public String description() {
        return description;
    }

    /** The plan's section that it stands in, or "" for the top level. */
    String section() {
        int dot = key.indexOf('.');
        return dot < 0 ? "" : key.substring(0, dot);
    }

    /** Its key within the section. */
    String leaf() {
        return key.substring(key.indexOf('.') + 1);
    }
}
