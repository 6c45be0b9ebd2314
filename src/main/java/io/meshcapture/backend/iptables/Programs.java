package io.meshcapture.backend.iptables;

import io.meshcapture.failure.Failure;
import io.meshcapture.ffi.ChildProcess;
import io.meshcapture.plan.Family;
import io.meshcapture.system.Command;
import io.meshcapture.system.Privileges;
import io.meshcapture.system.XtablesLock;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** The programs of one flavour. */
final class Programs {

    /** Where they are looked for, and not in PATH, which is the caller's. */
    private static final List<Path> DIRECTORIES = List.of(
            Path.of("/usr/sbin"), Path.of("/sbin"), Path.of("/usr/local/sbin"), Path.of("/usr/bin"), Path.of("/bin"));

    /** How long another holder of the lock is waited for, in seconds. */
    static final int PATIENCE = 5;

    private static final Duration LIMIT = Duration.ofSeconds(60);

    private final Flavour flavour;

    Programs(Flavour flavour) {
        this.flavour = flavour;
    }

    /** Whether the flavour's programs for IPv4 are installed. */
    boolean areThere() {
        return find(Family.IPV4, "restore") != null && find(Family.IPV4, "save") != null;
    }

    private @Nullable Path find(Family family, String action) {
        String ip = family == Family.IPV4 ? "iptables-" : "ip6tables-";
        Path own = find(ip + flavour.infix() + "-" + action);
        if (own != null) {
            return own;
        }
        Path plain = find(ip + action);
        return plain != null && speaks(plain) ? plain : null;
    }

    private static @Nullable Path find(String name) {
        for (Path directory : DIRECTORIES) {
            Path program = directory.resolve(name);
            if (Files.isExecutable(program)) {
                return program;
            }
        }
        return null;
    }

    /** Whether a program without the flavour in its name is of this flavour; before 1.8 all were legacy and did not say so. */
    private boolean speaks(Path program) {
        try {
            String said = Command.run(List.of(program.toString(), "--version"), environment(), "", LIMIT)
                    .out();
            return said.contains("(" + flavour.version() + ")") || (flavour == Flavour.LEGACY && !said.contains("("));
        } catch (ChildProcess.NotStarted e) {
            return false;
        }
    }

    /** A minimal environment: the language of messages is that which we read, and the lock is everybody's. */
    private static List<String> environment() {
        List<String> environment = new ArrayList<>(List.of("PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C"));
        for (String variable : List.of(XtablesLock.VARIABLE, "XTABLES_LIBDIR")) {
            String value = System.getenv(variable);
            if (value != null) {
                environment.add(variable + "=" + value);
            }
        }
        return environment;
    }

    /**
     * Everything that stands.
     *
     * @param there the tables that have to be in what is printed, null where nobody knows
     * @throws Failure.Unavailable where it cannot be read
     */
    Ruleset save(Family family, @Nullable Set<String> there) {
        Path program = find(family, "save");
        if (program == null) {
            if (family == Family.IPV6 && there == null) {
                return new Ruleset(); // nobody of this flavour has written anything; whoever must is told then
            }
            throw missing(family, "save");
        }
        Command.Result result = run(program, List.of("-c"), "");
        if (family == Family.IPV6 && there == null && result.status() != 0 && Refusal.meansNoTables(result)) {
            return new Ruleset();
        }
        if (result.status() != 0 || !result.inTime()) {
            throw Refusal.ofReading(flavour, program, result);
        }
        for (String table : there == null ? Set.<String>of() : there) {
            // the other flavour's programs say so of tables that nft has made something else of
            if (!result.out().contains("*" + table + "\n")
                    && !result.out().contains("`" + table + "' is incompatible")) {
                throw Refusal.ofReading(flavour, program, result);
            }
        }
        return SaveParser.parse(result.out()).orElseThrow(() -> Refusal.ofReading(flavour, program, result));
    }

    /** Tables of which nothing is printed, since nft has put there what iptables has no words for. */
    Set<Table> closed(Family family, @Nullable Set<String> there) {
        boolean mayBe = flavour == Flavour.NFT && (there == null || !there.isEmpty());
        return mayBe ? save(family, there).closed() : Set.of();
    }

    /** That nothing can be written in a closed table: nobody could read it afterwards. */
    Failure notToBeWritten(Family family, Table table) {
        return new Failure.Unavailable(
                flavour.label() + " cannot be used with the rules that are in table " + Refusal.ofNft(family, table),
                "nft put some there that iptables has no words for, and what is in such a table cannot be read back",
                "choose --backend nftables, or remove what made them; see: nft list table "
                        + Refusal.ofNft(family, table));
    }

    /** That what is ours in a closed table cannot be told. */
    Failure notToBeRead(Family family, Table table) {
        return new Failure.Unavailable(
                "what " + flavour.label() + " holds of ours in table " + Refusal.ofNft(family, table)
                        + " cannot be read",
                "nft put rules there that iptables has no words for, beside chains that are called like ours",
                "remove those rules, then try again; see: nft list table " + Refusal.ofNft(family, table));
    }

    /**
     * Commits a script, each of its tables in one instant.
     *
     * @throws Failure where it is not taken; some of its tables may have been
     */
    void restore(Family family, String script) {
        if (script.isEmpty()) {
            return;
        }
        Path program = find(family, "restore");
        if (program == null) {
            throw missing(family, "restore");
        }
        List<String> words = new ArrayList<>(List.of("--noflush", "--counters"));
        if (flavour == Flavour.LEGACY) {
            words.addAll(List.of("--wait", Integer.toString(PATIENCE)));
        }
        Command.Result result = run(program, words, script);
        if (result.status() != 0 || !result.inTime() || !result.fed()) {
            throw Refusal.of(flavour, family, program, script, result);
        }
    }

    /** @throws Failure.Unavailable where what is to be written cannot be */
    void requireThere(Family family) {
        for (String action : List.of("save", "restore")) {
            if (find(family, action) == null) {
                throw missing(family, action);
            }
        }
    }

    private Failure missing(Family family, String action) {
        String ip = family == Family.IPV4 ? "iptables-" : "ip6tables-";
        return new Failure.Unavailable(
                "the backend " + flavour.label() + " needs the program " + ip + flavour.infix() + "-" + action,
                "it is not installed in "
                        + String.join(
                                ", ", DIRECTORIES.stream().map(Path::toString).toList()),
                "install the package iptables, take the init image that has it, or choose another backend with --backend");
    }

    private Command.Result run(Path program, List<String> arguments, String input) {
        if (flavour == Flavour.LEGACY) {
            Privileges.requireNetRaw();
        }
        List<String> words = new ArrayList<>();
        words.add(program.toString());
        words.addAll(arguments);
        try {
            return Command.run(words, environment(), input, LIMIT);
        } catch (ChildProcess.NotStarted e) {
            throw new Failure.Unavailable(
                    program + " cannot be started", String.valueOf(e.getMessage()), "look at its permissions");
        }
    }
}
