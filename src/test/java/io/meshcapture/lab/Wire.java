package io.meshcapture.lab;

import io.meshcapture.lab.InNetns.Families;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/** Lays the cable of the {@link Lab}: a veth pair, addresses and routes, in two calls of {@code ip}. */
final class Wire {
    private Wire() {}

    /** From the namespace of the calling thread, which must be that of {@code app}, to a new one, which is given back. */
    static NetnsThread between(NetnsThread app, Families families) throws Throwable {
        NetnsThread srv = NetnsThread.forPeer("srv of " + Thread.currentThread().getName());
        try {
            parameters(families);
            ip(app(srv, families));
            srv.call(() -> {
                parameters(Families.BOTH);
                ip(srv());
                return null;
            });
            return srv;
        } catch (Throwable e) {
            srv.close();
            throw e;
        }
    }

    private static List<String> app(NetnsThread srv, Families families) {
        String six = families == Families.IPV4_ONLY ? "#" : "";
        String four = families == Families.IPV6_ONLY ? "#" : "";
        return List.of(
                "link set lo up",
                "link add eth0 type veth peer name eth0 netns " + srv.path(),
                four + "addr add 10.99.0.2/24 dev eth0",
                six + "addr add fd99::2/64 dev eth0 nodad",
                six + "addr add fe80::2/64 dev eth0 nodad",
                "link set eth0 up",
                four + "route add default via 10.99.0.1",
                six + "route add default via fd99::1");
    }

    /**
     * Whatever arrives is local. The networks of the cable must then stand in the same table, or answers to {@code app}
     * would be taken for {@code srv}'s own too.
     */
    private static List<String> srv() {
        return List.of(
                "link set lo up",
                "addr add 10.99.0.1/24 dev eth0",
                "addr add fd99::1/64 dev eth0 nodad",
                "addr add fe80::1/64 dev eth0 nodad",
                "link set eth0 up",
                "route add 10.99.0.0/24 dev eth0 table local",
                "route add local 0.0.0.0/0 dev lo",
                "route add fd99::/64 dev eth0 table local",
                "route add fe80::/64 dev eth0 table local",
                "route add local ::/0 dev lo");
    }

    /** A namespace behind {@code app}, the calling thread's; for {@code srv} it is one more network to answer to. */
    static NetnsThread guestOf(NetnsThread srv) throws Throwable {
        NetnsThread guest =
                NetnsThread.forPeer("guest of " + Thread.currentThread().getName());
        try {
            sysctl("net.ipv4.ip_forward", "1");
            sysctl("net.ipv6.conf.all.forwarding", "1");
            ip(List.of(
                    "link add guest0 type veth peer name eth0 netns " + guest.path(),
                    "addr add 10.98.0.1/24 dev guest0",
                    "addr add fd98::1/64 dev guest0 nodad",
                    "addr add fe80::1/64 dev guest0 nodad",
                    "link set guest0 up"));
            guest.call(() -> {
                parameters(Families.BOTH);
                ip(List.of(
                        "link set lo up",
                        "addr add 10.98.0.2/24 dev eth0",
                        "addr add fd98::2/64 dev eth0 nodad",
                        "addr add fe80::2/64 dev eth0 nodad",
                        "link set eth0 up",
                        "route add default via 10.98.0.1",
                        "route add default via fd98::1"));
                return null;
            });
            srv.call(() -> {
                ip(List.of(
                        "route add 10.98.0.0/24 via 10.99.0.2 dev eth0 onlink table local",
                        "route add fd98::/64 via fd99::2 dev eth0 onlink table local"));
                return null;
            });
            return guest;
        } catch (Throwable e) {
            guest.close();
            throw e;
        }
    }

    /** Before any interface exists, so that none has to wait a second for duplicate address detection. */
    private static void parameters(Families families) {
        sysctl("net.ipv6.conf.default.accept_dad", "0");
        sysctl("net.ipv6.conf.default.addr_gen_mode", "1");
        sysctl("net.ipv6.conf.default.router_solicitations", "0");
        if (families == Families.IPV4_ONLY) {
            sysctl("net.ipv6.conf.default.disable_ipv6", "1");
            sysctl("net.ipv6.conf.all.disable_ipv6", "1");
        }
    }

    static void sysctl(String name, String value) {
        Kernel.refuseMachinesOwnNamespace();
        try {
            Files.writeString(sysctlFile(name), value);
        } catch (IOException e) {
            throw new UncheckedIOException(name + " cannot be set to " + value, e);
        }
    }

    /** Below /proc/sys/net each thread sees the parameters of its own namespace. */
    static Path sysctlFile(String name) {
        return Path.of("/proc/sys/" + name.replace('.', '/'));
    }

    private static void ip(List<String> commands) {
        Run.commandWithInput(String.join("\n", commands) + "\n", "ip", "-batch", "-")
                .orFail();
    }
}
