package io.meshcapture.backend.nftables;

import io.meshcapture.failure.Failure;
import io.meshcapture.system.LegacyTrace;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * What a trace of iptables-legacy found set before it, kept as the comment of an empty table: that outlives the process, goes with
 * the network namespace, and needs no file that a container may not write.
 */
public final class LoggerRecord implements LegacyTrace.Keeper {
    private static final String TABLE = "inet meshcapture-logger";
    private static final Pattern KEPT = Pattern.compile("\\tcomment \"([a-zA-Z0-9_= ]+)\"");

    @Override
    public void keep(String before) {
        String anew = "add table " + TABLE + "\ndelete table " + TABLE + "\n";
        String script =
                anew + "add table " + TABLE + " { comment \"" + before.replaceAll("[^a-zA-Z0-9_= ]", "") + "\"; }\n";
        try (NftContext nft = NftContext.open()) {
            NftContext.Answer answer = nft.run(script, 0);
            if (!answer.accepted()) {
                throw Refusal.of(script, answer.error());
            }
        }
    }

    @Override
    public String kept() {
        try (NftContext nft = NftContext.open()) {
            Matcher kept = KEPT.matcher(nft.run("list table " + TABLE + "\n", 0).output());
            return kept.find() ? kept.group(1) : "";
        } catch (Failure.Unavailable e) {
            return ""; // nobody could have kept anything
        }
    }

    @Override
    public boolean isThere() {
        try (NftContext nft = NftContext.open()) {
            return nft.run("list table " + TABLE + "\n", 0).accepted();
        } catch (Failure.Unavailable e) {
            return false;
        }
    }

    @Override
    public void forget() {
        try (NftContext nft = NftContext.open()) {
            nft.run("delete table " + TABLE + "\n", 0);
        }
    }
}
