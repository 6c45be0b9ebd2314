package io.meshcapture.backend.nftables;

import io.meshcapture.failure.Failure;
import io.meshcapture.ffi.Errno;
import java.util.Locale;

/** What a refused batch means. */
final class Refusal {
    private static final String TPROXY = " tproxy to ";
    private static final String SOCKET = " socket ";

    private Refusal() {}

    /** The failure where the kernel does not hand out the socket by which netfilter is spoken to. */
    static Failure ofSocket(int errno) {
        return errno == Errno.EPROTONOSUPPORT || errno == Errno.EAFNOSUPPORT
                ? new Failure.Unavailable(
                        "this kernel has no nf_tables",
                        "it has no netlink socket for netfilter: " + Errno.words(errno),
                        "load the modules with: modprobe -a nfnetlink nf_tables; or choose the backend iptables-legacy")
                : new Failure.Unavailable(
                        "netfilter cannot be spoken to from here",
                        "a netlink socket for it is refused, as by a seccomp profile or a security module: "
                                + Errno.words(errno),
                        "allow socket(AF_NETLINK, SOCK_RAW, NETLINK_NETFILTER), as Docker's own seccomp profile and"
                                + " Kubernetes' RuntimeDefault do");
    }

    /** Whether it is the one of a process that has no right to change netfilter. */
    static boolean isForbidden(Failure failure) {
        return failure.problems().getFirst().what().contains("does not let this process");
    }

    /** The failure for what libnftables said. Its text is shown as evidence; its line numbers are not to be trusted. */
    static Failure of(String script, String error) {
        String said = firstLine(error);
        // only the first complaint: what follows is often its consequence ("No such file" of a chain that was refused)
        String lower = said.toLowerCase(Locale.ROOT);
        if (lower.contains("operation not permitted") || lower.contains("you must be root")) {
            return new Failure.Unavailable(
                    "the kernel does not let this process change netfilter",
                    said,
                    "run it with sudo, or in a container add the capability NET_ADMIN");
        }
        // what nfnetlink answers for a subsystem that nobody has registered is EINVAL
        if (lower.contains("not supported") || lower.contains("cache initialization failed: invalid argument")) {
            return unavailable(script, said);
        }
        if (lower.contains("message too long")) {
            return new Failure.Unavailable(
                    "the transaction does not fit into this process's netlink socket",
                    said,
                    "raise net.core.wmem_max, run it as root of the first user namespace, or apply fewer services");
        }
        // libnftables quotes the line that was refused
        boolean creates = script.contains("add table") || error.contains(TPROXY) || error.contains(SOCKET);
        if (creates && lower.contains("no such file or directory")) {
            return unavailable(script, said);
        }
        return new Failure.Refused(
                "the kernel refused the transaction, and nothing was changed",
                said,
                "look at the table with: nft list table " + Ruleset.TABLE + "; then try again");
    }

    private static Failure unavailable(String script, String said) {
        return new Failure.Unavailable(
                "this kernel lacks a part of nf_tables that capture needs",
                said,
                "load the modules with: modprobe -a nf_tables nft_ct nft_chain_nat nft_redir nft_fib_inet nft_reject_inet"
                        + (script.contains(SOCKET) ? " nft_socket" : "")
                        + (script.contains(TPROXY) ? " nft_tproxy" : "")
                        + "; or run a kernel that has them, see: meshcapture doctor");
    }

    static String firstLine(String error) {
        String text = error.strip();
        int end = text.indexOf('\n');
        String line = end < 0 ? text : text.substring(0, end);
        return line.isEmpty() ? "it gave no reason" : line;
    }
}
