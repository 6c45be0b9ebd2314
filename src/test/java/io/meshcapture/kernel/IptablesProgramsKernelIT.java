package io.meshcapture.kernel;

import static io.meshcapture.kernel.Program.ENVOY;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.meshcapture.lab.InNetns;
import io.meshcapture.lab.Iptables;
import io.meshcapture.lab.Lab;
import io.meshcapture.lab.Meshcapture.Outcome;
import io.meshcapture.lab.Run;
import io.meshcapture.lab.Verdict.Proxied;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

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
        for (Iptables each : Iptables.values()) {
            each.restore4("*filter\n:THEIRS - [0:0]\n-A OUTPUT -p tcp --dport 9 -j THEIRS\nCOMMIT\n");
            each.restore6("*filter\n:THEIRS - [0:0]\n-A OUTPUT -p tcp --dport 9 -j THEIRS\nCOMMIT\n");
        }
        assertEquals(
                4 + looking(flavour),
                programs(plan, "apply", "-f", "-"),
                "first, where others have rules in both flavours");
        assertEquals(2, programs(plan, "check", "-f", "-") - looking(flavour), "check of one beside the other");
        Program.rollback("--all");
        flavour.restore4("*nat\n-A OUTPUT -p tcp --dport 9 -j REDIRECT --to-ports 9\nCOMMIT\n");
        flavour.restore6("*nat\n-A OUTPUT -p tcp --dport 9 -j REDIRECT --to-ports 9\nCOMMIT\n");
        assertEquals(2 + looking(flavour), programs(plan, "apply", "-f", "-"), "first, where others translate already");
        String nftables = plan.replaceAll("backend.*", "backend: nftables");
        assertEquals(4, programs(nftables, "apply", "-f", "-"), "a move to nftables");
        assertEquals(2 + looking(flavour), programs(plan, "apply", "-f", "-"), "a move from there");
        Iptables other = flavour == Iptables.NFT ? Iptables.LEGACY : Iptables.NFT;
        assertEquals(
                6 + looking(other),
                programs(plan(other), "apply", "-f", "-"),
                "a move to the other flavour, in which nothing is");
    }

    /**
     * What is looked at besides: by check, for who translates in the older flavour may be asked before the newer one; by a
     * first apply, for nft may have put into tables of the newer one what iptables has no words for.
     */
    private static int looking(Iptables flavour) {
        return flavour == Iptables.NFT ? 2 : 0;
    }

    private static String program(Iptables flavour, String family, String action) {
        return family + "-" + flavour.name().toLowerCase(Locale.ROOT) + "-" + action;
    }

    /** Without what is counted: a host asks its network for a router at any time. */
    private static String stands(Iptables flavour) {
        return (flavour.save4() + flavour.save6()).replaceAll("\\[\\d+:\\d+]", "");
    }

    private static void assertNothingStands(Iptables flavour) {
        assertFalse((flavour.save4() + flavour.save6()).contains("MESHCAPTURE"), flavour.save4() + flavour.save6());
    }

    /** CLUSTERIP is a target that the program knows and recent kernels lack. */
    @ParameterizedTest
    @EnumSource
    void kernels_missing_module_is_named_and_nothing_is_in_force(Iptables flavour, Lab lab) throws IOException {
        Replaced.programs(
                "sed 's/-j REDIRECT --to-ports [0-9]*/-j CLUSTERIP/' | /run/real/$name \"$@\"\n",
                program(flavour, "iptables", "restore"));
        Outcome apply = Program.withPlan(plan(flavour), "apply");
        assertEquals(4, apply.exit(), apply::err);
        String needed =
                flavour == Iptables.NFT ? "this rule needs: " : "the rules need"; // legacy tells no line of its own
        assertTrue(apply.err().contains("this kernel lacks a part of netfilter that " + needed), apply::err);
        assertTrue(apply.err().contains("load the module (modprobe -a xt_CLUSTERIP)"), apply::err);
        assertNothingStands(flavour);
    }

    /**
     * What the kernel answers where a part of it is missing is put in its mouth; what the programs make of that is theirs.
     * The rules of the first transaction come first: what keeps conntrack on.
     */
    @ParameterizedTest
    @CsvSource({
        "LEGACY, ip6tables, getsockopt, ENOENT,              , modprobe ip6table_nat)",
        "LEGACY, iptables,  getsockopt, ENOENT,              , modprobe iptable_nat)",
        "LEGACY, ip6tables, getsockopt, EPROTONOSUPPORT, :when=3+, modprobe -a xt_comment xt_conntrack)",
        "LEGACY, iptables,  getsockopt, EPROTONOSUPPORT, :when=3+, modprobe -a xt_comment xt_conntrack)"
    })
    void answer_of_a_kernel_that_lacks_a_part_names_its_module(
            Iptables flavour, String family, String call, String error, String when, String named, Lab lab)
            throws IOException {
        lab.nft().apply("flush ruleset");
        String inject = call + ":error=" + error + (when == null ? "" : when);
        Replaced.programs(
                "exec strace -f -o /dev/null -e trace=%s -e inject=%s /run/real/$name \"$@\"\n".formatted(call, inject),
                program(flavour, family, "restore"));
        Outcome apply = Program.withPlan(plan(flavour), "apply");
        assertEquals(4, apply.exit(), apply::err);
        assertTrue(apply.err().contains("load the module (" + named), apply::err);
        assertEquals(1, apply.err().lines().count(), apply::err);
        Replaced.programsAreBack();
        assertNothingStands(flavour);
    }

    @ParameterizedTest
    @EnumSource
    void missing_extension_of_the_program_is_named(Iptables flavour, Lab lab) throws IOException {
        Path extensions = Files.createDirectories(Path.of("/run/extensions"));
        try (Stream<Path> all = Files.list(Path.of(
                Run.command("sh", "-c", "echo /usr/lib/*/xtables").orFail().strip()))) {
            for (Path one : all.filter(one -> !one.endsWith("libxt_owner.so")).toList()) {
                Files.createSymbolicLink(extensions.resolve(one.getFileName()), one);
            }
        }
        Run.Result apply = Run.command(
                plan(flavour),
                Map.of("XTABLES_LIBDIR", extensions.toString()),
                Run.LIMIT,
                List.of(Program.DISTRIBUTION, "--netns", "/proc/self/ns/net", "apply", "-f", "-"));
        assertEquals(4, apply.exit(), apply::err);
        assertTrue(apply.err().contains("lacks its match owner"), apply::err);
        assertNothingStands(flavour);
    }

    @ParameterizedTest
    @EnumSource
    void missing_program_of_ipv6_is_told_before_ipv4_is_touched(Iptables flavour, Lab lab) throws IOException {
        String missing = program(flavour, "ip6tables", "restore");
        Replaced.programs("", missing, "ip6tables-restore");
        Outcome apply = Program.withPlan(plan(flavour), "apply");
        assertEquals(4, apply.exit(), apply::err);
        assertTrue(apply.err().contains("needs the program " + missing), apply::err);
        assertFalse(flavour.save4().contains("MESHCAPTURE"));
        Program.apply(plan(flavour).replace("services", "ipv6: bypass\nservices"));
    }

    @Test
    void program_that_cannot_be_started_is_named(Lab lab) throws IOException {
        Program.apply(plan(Iptables.NFT));
        Replaced.programs("", "iptables-nft-save");
        Files.writeString(Path.of("/usr/sbin/iptables-nft-save"), "#!/nowhere/interpreter\n");
        Run.command("chmod", "755", "/usr/sbin/iptables-nft-save").orFail();
        Outcome apply = Program.withPlan(plan(Iptables.NFT).replace("5432", "22"), "apply");
        assertEquals(4, apply.exit(), apply::err);
        assertTrue(apply.err().contains("/usr/sbin/iptables-nft-save cannot be started"), apply::err);
    }

    /** What cannot be read must not be taken for nothing: jumps would stand twice. */
    @ParameterizedTest
    @ValueSource(strings = {"kill -9 $$", "exit 1", "exit 0", "/run/real/$name \"$@\" | head -c 150"})
    void what_cannot_be_read_is_not_taken_for_nothing(String instead, Lab lab) throws IOException {
        Iptables flavour = Iptables.LEGACY;
        Program.apply(plan(flavour));
        String before = stands(flavour);
        Replaced.programs(instead + "\n", program(flavour, "ip6tables", "save"));
        Outcome apply = Program.withPlan(plan(flavour).replace("5432", "22"), "apply");
        assertEquals(4, apply.exit(), apply::err);
        assertTrue(apply.err().contains("what iptables-legacy holds cannot be read"), apply::err);
        Replaced.programsAreBack();
        assertEquals(before, stands(flavour));
    }

    @ParameterizedTest
    @EnumSource
    void program_that_is_killed_leaves_what_stood(Iptables flavour, Lab lab) throws IOException {
        Program.apply(plan(flavour));
        String before = stands(flavour);
        Replaced.programs("kill -9 $$\n", program(flavour, "iptables", "restore"));
        Outcome apply = Program.withPlan(plan(flavour).replace("5432", "22"), "apply");
        assertEquals(6, apply.exit(), apply::err);
        assertTrue(
                apply.err().contains("the kernel refused the transaction, and nothing is in force of it"), apply::err);
        assertTrue(apply.err().contains("it ended with status 137"), apply::err);
        Replaced.programsAreBack();
        assertEquals(before, stands(flavour));
        Program.must(0, Program.check(plan(flavour)));
    }

    /** Somebody else's rules come before and after each program of ours, in both families and in the same tables. */
    @ParameterizedTest
    @EnumSource
    void what_others_write_between_our_programs_survives_and_ours_is_right(Iptables flavour, Lab lab)
            throws IOException {
        String tool = flavour.name().toLowerCase(Locale.ROOT);
        Replaced.programs(
                """
                other() {
                    n=$(cat /run/theirs 2>/dev/null || echo 0); n=$((n + 1)); echo $n >/run/theirs
                    for ip in iptables ip6tables; do
                        /run/real/$ip-%1$s -t nat -I OUTPUT -p tcp --dport $n -j RETURN
                        /run/real/$ip-%1$s -t nat -A OUTPUT -p udp --dport $n -j RETURN
                        /run/real/$ip-%1$s -t nat -N THEIRS$n
                    done
                }
                other; /run/real/$name "$@"; status=$?; other; exit $status
                """.formatted(tool),
                program(flavour, "iptables", "save"),
                program(flavour, "ip6tables", "save"),
                program(flavour, "iptables", "restore"),
                program(flavour, "ip6tables", "restore"));
        Program.apply(plan(flavour));
        Program.apply(plan(flavour).replace("5432", "22"));
        Replaced.programsAreBack();
        int writes = Integer.parseInt(Files.readString(Path.of("/run/theirs")).strip());
        assertTrue(writes >= 16, "only " + writes);
        for (String saved : List.of(flavour.save4(), flavour.save6())) {
            for (int n = 1; n <= writes; n++) {
                assertTrue(saved.contains("-A OUTPUT -p tcp -m tcp --dport " + n + " -j RETURN"), saved);
                assertTrue(saved.contains("-A OUTPUT -p udp -m udp --dport " + n + " -j RETURN"), saved);
                assertTrue(saved.contains(":THEIRS" + n + " "), saved);
            }
            assertEquals(
                    1,
                    saved.lines()
                            .filter(line -> line.endsWith("-A OUTPUT -j MESHCAPTURE_OUTPUT"))
                            .count(),
                    saved);
        }
        assertEquals(
                new Proxied(15001, "10.99.0.1:8080"), lab.caller().uid(1001).connect("10.99.0.1:8080"));
        Program.rollback("--all");
        assertNothingStands(flavour);
    }

    /** The JVM says that there is none where no interface has an address of it. */
    @ParameterizedTest
    @EnumSource
    void first_apply_in_a_namespace_without_any_address_works(Iptables flavour) {
        Run.Result apply = Run.command(
                plan(flavour),
                Map.of(),
                Run.LIMIT,
                List.of("unshare", "--net", Program.DISTRIBUTION, "--netns", "/proc/self/ns/net", "apply", "-f", "-"));
        assertEquals(0, apply.exit(), apply::err);
        assertTrue(apply.out().contains("captured: orders"), apply::out);
    }

    @Test
    void without_libnftables_the_automatic_choice_is_iptables_and_says_why(Lab lab) throws IOException {
        Path library = Path.of(Run.command("sh", "-c", "realpath /usr/lib/*/libnftables.so.1")
                .orFail()
                .strip());
        lab.file(library.toString(), "");
        Run.Result apply = Run.command(
                plan(Iptables.NFT).replaceAll("backend.*", "backend: auto"),
                Map.of(),
                Run.LIMIT,
                List.of(Program.DISTRIBUTION, "--netns", "/proc/self/ns/net", "apply", "-f", "-"));
        assertEquals(0, apply.exit(), apply::err);
        assertTrue(apply.err().contains("the backend is iptables-nft, because"), apply::err);
        assertTrue(apply.err().contains("nftables cannot be used here"), apply::err);
        assertTrue(Iptables.NFT.save4().contains("MESHCAPTURE_OUTPUT"));
    }
}
