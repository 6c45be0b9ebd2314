package io.meshcapture.backend.iptables;

/** Which part of the kernel the programs speak to. Rules of one are unknown to the other, and both are asked. */
public enum Flavour {
    NFT("iptables-nft", "nft", "nf_tables"),
    LEGACY("iptables-legacy", "legacy", "legacy");

    private final String label;
    private final String infix;
    private final String version;

    Flavour(String label, String infix, String version) {
        this.label = label;
        this.infix = infix;
        this.version = version;
    }

    /** Its name in a plan. */
    public String label() {
        return label;
    }

    /** In the names of its programs: {@code iptables-legacy-restore}. */
    String infix() {
        return infix;
    }

    /** What its programs say of themselves: {@code iptables v1.8.9 (nf_tables)}. */
    String version() {
        return version;
    }
}
