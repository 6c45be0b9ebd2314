package io.meshcapture.backend.nftables;

import io.meshcapture.system.NetworkNamespace;
import java.util.EnumMap;
import java.util.Map;

/**
 * A part of nf_tables that capture needs, tried rather than asked for: a kernel's version and configuration do not tell what
 * a distribution has built, what is allowed to load, and what a sandbox lets through.
 */
public enum Feature {
    NAT("NAT of connections that start here", "capture", true, "nft_chain_nat", """
            add chain inet tried output { type nat hook output priority -101 ; }
            """),
    REDIRECT("redirect", "capture", true, "nft_redir", """
            add chain inet tried output { type nat hook output priority -101 ; }
            add rule inet tried output meta l4proto tcp redirect to :1
            """),
    FIB("fib", "leaving this host's own addresses direct", true, "nft_fib_inet", """
            add chain inet tried output { type nat hook output priority -101 ; }
            add rule inet tried output fib daddr type local return
            """),
    REJECT("reject with TCP reset", "ipv6: reject", true, "nft_reject_inet", """
            add chain inet tried output { type nat hook output priority -101 ; }
            add rule inet tried output meta l4proto tcp reject with tcp reset
            """),
    INTERVALS("maps of concatenated intervals", "services", true, "nf_tables", """
            add map inet tried services { type uid . ipv4_addr . inet_service : verdict ; flags interval ; }
            add chain inet tried output { type nat hook output priority -101 ; }
            add rule inet tried output meta skuid . ip daddr . tcp dport vmap @services
            """),
    TIMEOUTS("elements with timeouts", "trials", true, "nf_tables", """
            add set inet tried trial { type nf_proto ; flags timeout ; }
            add element inet tried trial { ipv4 timeout 60s }
            """),
    DYNAMIC_SETS("sets that packets change", "leaving open connections alone", true, "nf_tables", """
            add set inet tried open { type ipv4_addr . inet_service ; size 16 ; flags dynamic ; }
            add chain inet tried output { type nat hook output priority -101 ; }
            add rule inet tried output delete @open { ip daddr . tcp dport }
            """),
    CONNTRACK("connection tracking", "capture", true, "nft_ct", """
            add chain inet tried output { type filter hook output priority 0 ; }
            add rule inet tried output ct state invalid drop
            """),
    OWNED_TABLES("tables that end with their process (Linux 5.12)", "check and probes", true, "nf_tables", """
            add table inet tried-owned { flags owner ; }
            """),
    ZONES("conntrack zones", "dns", false, "nft_ct", """
            add chain inet tried queries { type filter hook output priority -311 ; }
            add rule inet tried queries ct zone set 53
            """),
    CGROUPS("socket cgroupv2", "services by unit or cgroup", false, "nft_socket", """
            add set inet tried units { typeof socket cgroupv2 level 1 ; }
            add chain inet tried output { type filter hook output priority 0 ; }
            add rule inet tried output socket cgroupv2 level 1 @units accept
            """),
    TPROXY("tproxy", "inbound.mode: tproxy", false, "nft_tproxy", """
            add chain inet tried arriving { type filter hook prerouting priority -150 ; }
            add rule inet tried arriving meta l4proto tcp tproxy to :1
            """);

    private final String words;
    private final String neededFor;
    private final boolean always;
    private final String module;
    private final String script;

    Feature(String words, String neededFor, boolean always, String module, String script) {
        this.words = words;
        this.neededFor = neededFor;
        this.always = always;
        this.module = module;
        this.script = script;
    }

    /** What it is, in nft's terms. */
    public String words() {
        return words;
    }

    /** What of ours rests on it. */
    public String neededFor() {
        return neededFor;
    }

    /** Whether every plan needs it. */
    public boolean isAlwaysNeeded() {
        return always;
    }

    /** The kernel's module that brings it. */
    public String module() {
        return module;
    }

    /**
     * Tries all of them in a network namespace that is made for it and ends with it. The kernel may load modules for that, as it
     * would for {@code apply}.
     *
     * @return for each that is missing, the kernel's reason
     * @throws io.meshcapture.failure.Failure.Unavailable where no namespace can be made, or there is no libnftables or no nf_tables
     */
    public static Map<Feature, String> missing() throws Exception {
        return NetworkNamespace.inNew(() -> {
            Map<Feature, String> missing = new EnumMap<>(Feature.class);
            try (NftContext nft = NftContext.open()) {
                for (Feature feature : values()) {
                    NftContext.Answer answer = nft.run("add table inet tried\n" + feature.script, 0);
                    if (!answer.accepted()) {
                        missing.put(feature, Refusal.firstLine(answer.error()));
                    }
                    nft.run("delete table inet tried\n", 0);
                }
            }
            return missing;
        });
    }
}
