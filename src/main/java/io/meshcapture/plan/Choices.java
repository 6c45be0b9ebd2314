package io.meshcapture.plan;

import java.util.Locale;

/** The settings of a plan that are one word out of a few. Each constant's word is its name in lower case with dashes. */
public final class Choices {
    private Choices() {}

    /** How capture is written. */
    public enum Backend {
        AUTO,
        NFTABLES,
        IPTABLES,
        IPTABLES_NFT,
        IPTABLES_LEGACY
    }

    /** What happens to IPv6 connections that a service names. */
    public enum Ipv6 {
        /** Captured where Envoy can take them, rejected where it listens for IPv4 only. */
        AUTO,
        CAPTURE,
        BYPASS,
        REJECT
    }

    /** What happens to QUIC, UDP to port 443, to destinations that a service captures. */
    public enum Udp443 {
        BYPASS,
        REJECT
    }

    /** What happens to packets of captured connections that conntrack calls INVALID. */
    public enum Invalid {
        ACCEPT,
        DROP
    }

    /** How the ports of hosts services reach Envoy. */
    public enum HostsPorts {
        AUTO,
        REDIRECT,
        LISTENERS
    }

    /** What becomes of a service's connections while Envoy is down. */
    public enum OnEnvoyDown {
        CLOSED,
        OPEN
    }

    /** How inbound connections reach Envoy. */
    public enum InboundMode {
        REDIRECT,
        TPROXY
    }

    /** The word that stands for a constant in plans, flags and messages. */
    public static String word(Enum<?> choice) {
        return choice.name().toLowerCase(Locale.ROOT).replace('_', '-');
    }
}
