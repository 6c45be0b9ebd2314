package io.meshcapture.pairs;

import org.jspecify.annotations.Nullable;

/**
 * A connection to be made and explained.
 *
 * @param way who opens it, and how
 * @param uid the caller's user; of no meaning for who is not on this host
 * @param gid its group, likewise
 * @param cgroup its control group, or null for that of the test
 * @param address the destination, as in {@code 10.1.2.3} or {@code fd99::1}
 * @param port its port
 */
record Attempt(Way way, int uid, int gid, @Nullable String cgroup, String address, int port) {
    enum Way {
        /** A program on this host. */
        TCP,
        UDP,
        /** A virtual machine behind this host. */
        GUEST_TCP,
        GUEST_UDP,
        /** Somebody elsewhere who calls this host. */
        ARRIVING
    }

    boolean isIpv6() {
        return address.contains(":");
    }

    boolean isUdp() {
        return way == Way.UDP || way == Way.GUEST_UDP;
    }

    /** As in {@code [fd99::1]:53}. */
    String to() {
        return (isIpv6() ? "[" + address + "]" : address) + ":" + port;
    }

    /** One line, which {@link #parse} reads. */
    String text() {
        return String.join(
                " ",
                way.name(),
                Integer.toString(uid),
                Integer.toString(gid),
                cgroup == null ? "-" : cgroup,
                address,
                Integer.toString(port));
    }

    static Attempt parse(String line) {
        String[] words = line.split(" ", -1);
        return new Attempt(
                Way.valueOf(words[0]),
                Integer.parseInt(words[1]),
                Integer.parseInt(words[2]),
                words[3].equals("-") ? null : words[3],
                words[4],
                Integer.parseInt(words[5]));
    }
}
