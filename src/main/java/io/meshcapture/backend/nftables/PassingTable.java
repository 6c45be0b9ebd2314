package io.meshcapture.backend.nftables;

import io.meshcapture.failure.Failure;

/**
 * A table for the time of one command. It belongs to the netlink socket of its context (NFT_TABLE_F_OWNER, Linux 5.12), so that
 * it goes with the process, however that ends, and nobody else can change it. Where the kernel does not know that, what stands
 * in it has to end by timeouts.
 */
final class PassingTable implements AutoCloseable {
    private final NftContext nft;
    private final String name;

    private PassingTable(NftContext nft, String name) {
        this.nft = nft;
        this.name = name;
    }

    /**
     * Puts one up, in the calling thread's network namespace.
     *
     * @param purpose the end of its name
     * @param body what stands in it, in nft's words
     * @throws Failure.Unavailable where libnftables or nf_tables is missing
     */
    static PassingTable open(String purpose, String body) {
        NftContext nft = NftContext.open();
        String name = "meshcapture-" + purpose + "-" + ProcessHandle.current().pid();
        NftContext.Answer answer = nft.run("table inet " + name + " {\nflags owner\n" + body + "}\n", 0);
        if (!answer.accepted()) {
            String anew = "add table inet " + name + "\ndelete table inet " + name + "\n";
            answer = nft.run(anew + "table inet " + name + " {\n" + body + "}\n", 0);
        }
        if (!answer.accepted()) {
            nft.close();
            throw new Failure.Unavailable(
                    "no table of nftables can be put up for the time of this command",
                    Refusal.firstLine(answer.error()),
                    "load the module nf_tables, and run it as root with the capability NET_ADMIN");
        }
        return new PassingTable(nft, name);
    }

    /** Adds elements to a set. */
    void add(String set, String elements) {
        NftContext.Answer answer = nft.run("add element inet " + name + " " + set + " { " + elements + " }\n", 0);
        if (!answer.accepted()) {
            throw new Failure.Refused(
                    "the kernel did not take what is to be looked for, and nothing was sent",
                    Refusal.firstLine(answer.error()),
                    "see what the kernel lacks with: meshcapture doctor");
        }
    }

    /** A set as it is listed, or the empty text. */
    String list(String set) {
        return nft.run("list set inet " + name + " " + set + "\n", 0).output();
    }

    @Override
    public void close() {
        nft.run("delete table inet " + name + "\n", 0);
        nft.close();
    }
}
