package io.meshcapture.doctor;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.OptionalLong;

/**
 * Whether connection tracking keeps what captured connections need: their entry, without which their packets are no longer
 * translated. All values are those of the calling thread's network namespace (Documentation/networking/nf_conntrack-sysctl.rst).
 */
record Conntrack(HostFiles files) implements Examination {

    private static final String NETFILTER = "/proc/sys/net/netfilter/";
    private static final String CLOSE_WAIT = "nf_conntrack_tcp_timeout_close_wait";
    private static final String ESTABLISHED = "nf_conntrack_tcp_timeout_established";

    /** The kernel's defaults, in seconds (tcp_timeouts in net/netfilter/nf_conntrack_proto_tcp.c). */
    private static final long DEFAULT_CLOSE_WAIT = 60;

    /** What the meshes advise: an hour (linkerd's closeWaitTimeoutSecs). */
    private static final long ADVISED_CLOSE_WAIT = 3600;

    /** When a kernel asks first whether an idle peer is still there, in seconds (tcp(7), tcp_keepalive_time). */
    private static final long KEEPALIVE = 7200;

    @Override
    public List<Finding> examine() {
        if (!files.exists(NETFILTER + "nf_conntrack_max")) {
            return List.of(
                    Finding.ok(
                            Topic.CONNTRACK,
                            "conntrack.unused",
                            "not in use yet; the first rule that captures switches it on, and open connections are left alone"));
        }
        List<Finding> findings = new ArrayList<>();
        table(findings);
        loose(findings);
        closeWait(findings);
        established(findings);
        return findings;
    }

    private void table(List<Finding> findings) {
        OptionalLong count = files.number(NETFILTER + "nf_conntrack_count");
        OptionalLong max = files.number(NETFILTER + "nf_conntrack_max");
        if (count.isEmpty() || max.isEmpty() || max.getAsLong() <= 0) {
            return;
        }
        long percent = count.getAsLong() * 100 / max.getAsLong();
        String what = String.format(
                Locale.ROOT, "%,d of %,d entries are in use (%d %%)", count.getAsLong(), max.getAsLong(), percent);
        String[] commands = {"sysctl -w net.netfilter.nf_conntrack_max=" + 2 * max.getAsLong()};
        String because =
                "when the table is full, the kernel drops the first packet of every new connection, captured or not";
        String mend = "raise net.netfilter.nf_conntrack_max in the host's first network namespace,"
                + " and keep it in /etc/sysctl.d";
        if (percent >= 95) {
            findings.add(Finding.conflict(Topic.CONNTRACK, "conntrack.full", what, because, mend, commands));
        } else if (percent >= 80) {
            findings.add(Finding.warning(Topic.CONNTRACK, "conntrack.nearly-full", what, because, mend, commands));
        } else {
            findings.add(Finding.ok(Topic.CONNTRACK, "conntrack.table", what));
        }
    }

    private void loose(List<Finding> findings) {
        if (files.number(NETFILTER + "nf_conntrack_tcp_loose").orElse(1) == 0) {
            findings.add(Finding.warning(
                    Topic.CONNTRACK,
                    "conntrack.not-loose",
                    "net.netfilter.nf_conntrack_tcp_loose is 0",
                    "a captured connection that loses its entry (conntrack -F, a full table) is not taken up again and ends",
                    "let conntrack take up connections in their middle",
                    "sysctl -w net.netfilter.nf_conntrack_tcp_loose=1"));
        }
    }

    /**
     * A connection of which one side has closed and the other goes on sending is in CLOSE_WAIT for conntrack. After that
     * time without a packet its entry is gone. The meshes' init tools set it without asking, for the whole machine.
     */
    private void closeWait(List<Finding> findings) {
        OptionalLong seconds = files.number(NETFILTER + CLOSE_WAIT);
        if (seconds.isEmpty() || seconds.getAsLong() >= ADVISED_CLOSE_WAIT) {
            return;
        }
        String what = "net.netfilter." + CLOSE_WAIT + " is " + seconds.getAsLong() + " s";
        String because =
                "a captured connection of which one end has closed and the other goes on is forgotten after so long"
                        + " without a packet, and may be reset";
        String mend =
                "where services half-close connections and then wait, raise it as other meshes advise; it holds for"
                        + " all connections of this network namespace, so meshcapture never sets it";
        String command = "sysctl -w net.netfilter." + CLOSE_WAIT + "=" + ADVISED_CLOSE_WAIT;
        findings.add(
                seconds.getAsLong() < DEFAULT_CLOSE_WAIT
                        ? Finding.warning(Topic.CONNTRACK, "conntrack.close-wait", what, because, mend, command)
                        : Finding.note(Topic.CONNTRACK, "conntrack.close-wait", what, because, mend, command));
    }

    private void established(List<Finding> findings) {
        OptionalLong seconds = files.number(NETFILTER + ESTABLISHED);
        if (seconds.isPresent() && seconds.getAsLong() < KEEPALIVE) {
            findings.add(Finding.warning(
                    Topic.CONNTRACK,
                    "conntrack.established",
                    "net.netfilter." + ESTABLISHED + " is " + seconds.getAsLong() + " s",
                    "captured connections that are idle for longer are forgotten before TCP's keep-alive (" + KEEPALIVE
                            + " s by default) shows that they live",
                    "raise it, or have the services keep their connections alive sooner",
                    "sysctl -w net.netfilter." + ESTABLISHED + "=432000"));
        }
    }
}
