package io.meshcapture.lab;

import java.util.stream.Collectors;

/** One flavour of the machine's iptables, both families, for rules of other people and for looking at all of them. */
public enum Iptables {
    LEGACY("legacy"),
    NFT("nft");

    private final String flavour;

    Iptables(String flavour) {
        this.flavour = flavour;
    }

    /** As {@code iptables-restore --noflush} takes it. */
    public void restore4(String rules) {
        Run.commandWithInput(rules, "iptables-" + flavour + "-restore", "--noflush")
                .orFail();
    }

    /** As {@code ip6tables-restore --noflush} takes it. */
    public void restore6(String rules) {
        Run.commandWithInput(rules, "ip6tables-" + flavour + "-restore", "--noflush")
                .orFail();
    }

    /** All tables of IPv4 with counters, without the comment lines, which carry the time of day. */
    public String save4() {
        return save("iptables-");
    }

    public String save6() {
        return save("ip6tables-");
    }

    private String save(String family) {
        return Run.command(family + flavour + "-save", "-c")
                .orFail()
                .lines()
                .filter(line -> !line.startsWith("#"))
                .collect(Collectors.joining("\n"));
    }
}
