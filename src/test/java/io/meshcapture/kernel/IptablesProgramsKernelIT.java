package io.meshcapture.kernel;

import static io.meshcapture.kernel.Program.ENVOY;
import static org.junit.jupiter.api.Assertions.assertEquals;

import io.meshcapture.lab.InNetns;
import io.meshcapture.lab.Iptables;
import io.meshcapture.lab.Lab;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** The programs that are started: how many, and what it means that one is missing, fails, or finds another at work. */
@InNetns
class IptablesProgramsKernelIT {

    @TempDir
    @SuppressWarnings("NullAway.Init")
    private static Path directory;

    @BeforeEach
    void world(Lab lab) {
        lab.proxy(15001);
        lab.server(8080);
    }

    private static String plan(Iptables flavour) {
        return ENVOY + "backend: iptables-" + flavour.name().toLowerCase(Locale.ROOT)
                + "\nservices: {orders: {from: {user: 1001}, except: [\":5432\"]}}\n";
    }

    /** Besides the JVM, which the launcher becomes. */
    private static long programs(String plan, String... arguments) {
        return Killing.in(directory).never(plan, List.of(arguments)).calls().stream()
                        .filter("execve"::equals)
                        .count()
                - 1;
    }

    @ParameterizedTest
    @EnumSource
    void apply_starts_one_program_to_read_and_one_to_write_for_each_family(Iptables flavour, Lab lab) {
        lab.nft().apply("flush ruleset");
        String plan = plan(flavour);
        assertEquals(4, programs(plan, "apply", "-f", "-"), "first, where nobody has a rule");
        assertEquals(2, programs(plan, "apply", "-f", "-"), "the same again");
        assertEquals(4, programs(plan.replace("5432", "22"), "apply", "-f", "-"), "a change");
        assertEquals(2, programs(plan.replace("5432", "22"), "check", "-f", "-"), "check");
        Program.rollback("--all");
        flavour.restore4("*nat\n-A OUTPUT -p tcp --dport 9 -j REDIRECT --to-ports 9\nCOMMIT\n");
        flavour.restore6("*nat\n-A OUTPUT -p tcp --dport 9 -j REDIRECT --to-ports 9\nCOMMIT\n");
        assertEquals(4, programs(plan, "apply", "-f", "-"), "first, where others translate already");
        String nftables = plan.replaceAll("backend.*", "backend: nftables");
        assertEquals(4, programs(nftables, "apply", "-f", "-"), "a move to nftables");
        assertEquals(4, programs(plan, "apply", "-f", "-"), "a move from there");
        String other = plan(flavour == Iptables.NFT ? Iptables.LEGACY : Iptables.NFT);
        assertEquals(6, programs(other, "apply", "-f", "-"), "a move to the other flavour, in which nothing is");
    }
}
