package io.meshcapture.backend.iptables;

import io.meshcapture.failure.Failure;
import io.meshcapture.plan.Family;
import io.meshcapture.system.Command;
import io.meshcapture.system.XtablesLock;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** What it means that iptables-restore did not take a script. */
final class Refusal {

    private static final Pattern LINE = Pattern.compile("line:? ?(\\d+)");

    /** What the userspace of iptables lacks: {@code Couldn't load match `owner'}, {@code Couldn't load target `REDIRECT'}. */
    private static final Pattern EXTENSION = Pattern.compile("Couldn't load (match|target) [`']([^']*)'");

    /**
     * What the kernel lacks, where the program has asked it: {@code Extension owner revision 0 not supported, …}, {@code
     * Extension conntrack is not supported, …}. After the second the program says that it could not load the match, too.
     */
    private static final Pattern UNSUPPORTED =
            Pattern.compile("Extension (\\S+) (?:revision \\d+|is) not supported, missing kernel module");

    /** A table that the kernel lacks: {@code can't initialize ip6tables table `nat'}, {@code unable to initialize table 'nat'}. */
    private static final Pattern TABLE = Pattern.compile("initialize (?:ip6?tables )?table [`']([a-z]+)'");

    private static final Pattern MATCH = Pattern.compile("-m (\\w+)");
    private static final Pattern TARGET = Pattern.compile("-j ([A-Z]+)\\b");

    private Refusal() {}

    /** Whether a family has no tables here, because the kernel lacks it or them; what fails otherwise may have some. */
    static boolean meansNoTables(Command.Result result) {
        String said = result.err().toLowerCase(Locale.ROOT);
        return result.inTime()
                && result.status() < 128
                && List.of("initialize", "table does not exist", "insmod", "protocol not supported").stream()
                        .anyMatch(said::contains);
    }

    static Failure ofReading(Flavour flavour, Path program, Command.Result result) {
        String said = said(result);
        return isForbidden(said)
                ? forbidden(said)
                : new Failure.Unavailable(
                        "what " + flavour.label() + " holds cannot be read",
                        program + ": " + (result.status() == 0 ? "what it printed is cut short" : said),
                        "choose another backend with --backend, or load the kernel's modules for this one");
    }

    static Failure of(Flavour flavour, Family family, Path program, String script, Command.Result result) {
        String said = said(result);
        String lower = said.toLowerCase(Locale.ROOT);
        if (!result.inTime()) {
            return new Failure.Refused(
                    program + " did not end and was stopped", "it took longer than a minute", "try again");
        }
        if (result.status() == 0) {
            return new Failure.Refused(
                    program + " was not given all of the rules",
                    "its standard input could not be written",
                    "try again");
        }
        if (lower.contains("xtables lock") || lower.contains("lock file")) {
            Optional<String> holder = XtablesLock.holder();
            if (lower.contains("can't open")) {
                return new Failure.Unavailable(
                        "the lock of iptables cannot be opened",
                        said,
                        "make its directory writable, or name another file with " + XtablesLock.VARIABLE);
            }
            return new Failure.Busy(
                    "the lock of iptables is held by " + holder.orElse("a process that is not visible from here"),
                    "it did not let go of " + XtablesLock.file() + " within " + Programs.PATIENCE + " s",
                    "wait for it, or end it");
        }
        if (isForbidden(lower)) {
            return forbidden(said);
        }
        String rule = rule(script, said);
        List<String> unsupported = UNSUPPORTED
                .matcher(result.err())
                .results()
                .map(found -> "xt_" + found.group(1))
                .distinct()
                .toList();
        Matcher extension = EXTENSION.matcher(said);
        if (unsupported.isEmpty() && extension.find()) {
            return new Failure.Unavailable(
                    program + " lacks its " + extension.group(1) + " " + extension.group(2),
                    said,
                    "install the whole package iptables (its extensions), or choose another backend with --backend");
        }
        boolean lacks = !unsupported.isEmpty()
                || lower.contains("no chain/target/match by that name")
                || lower.contains("no such file or directory")
                || lower.contains("can't initialize")
                || lower.contains("table does not exist")
                || lower.contains("unable to initialize table");
        if (lacks) {
            Matcher table = TABLE.matcher(said);
            String modules = table.find()
                    ? "modprobe " + module(flavour, family, table.group(1))
                    : unsupported.isEmpty()
                            ? modules(flavour, family, rule.isEmpty() ? script : rule)
                            : "modprobe -a " + String.join(" ", unsupported);
            return new Failure.Unavailable(
                    "this kernel lacks a part of netfilter that "
                            + (rule.isEmpty() ? "the rules need" : "this rule needs: " + rule),
                    program + ": " + said,
                    "load the module (" + modules + "), or choose another backend with --backend");
        }
        return new Failure.Refused(
                "the kernel refused the transaction, and nothing is in force of it",
                program + ": " + said + (rule.isEmpty() ? "" : "; the rule is: " + rule),
                "look at the tables with: " + program.toString().replace("-restore", "-save") + "; then try again");
    }

    private static boolean isForbidden(String said) {
        String lower = said.toLowerCase(Locale.ROOT);
        return lower.contains("permission denied")
                || lower.contains("operation not permitted")
                || lower.contains("you must be root");
    }

    private static Failure forbidden(String said) {
        return new Failure.Unavailable(
                "the kernel does not let this process change netfilter",
                said,
                "run it with sudo, or in a container add the capabilities NET_ADMIN and NET_RAW");
    }

    /** The line that it complains about, where that is a rule. */
    private static String rule(String script, String said) {
        Matcher line = LINE.matcher(said);
        List<String> lines = script.lines().toList();
        if (line.find()) {
            int number = Integer.parseInt(line.group(1));
            String text = number >= 1 && number <= lines.size() ? lines.get(number - 1) : "";
            return text.contains("-A ") || text.contains("-I ") ? text : "";
        }
        return "";
    }

    /** {@code xt_owner, xt_REDIRECT}. */
    private static String modules(Flavour flavour, Family family, String rules) {
        TreeSet<String> modules = new TreeSet<>();
        for (Pattern pattern : List.of(MATCH, TARGET)) {
            Matcher named = pattern.matcher(rules);
            while (named.find()) {
                String name = named.group(1);
                if (!List.of("RETURN", "ACCEPT", "DROP", "tcp", "udp", "icmp", "icmp6")
                        .contains(name)) {
                    modules.add("xt_" + name);
                }
            }
        }
        if (rules.contains("*nat") || modules.isEmpty()) {
            modules.add(module(flavour, family, "nat"));
        }
        return "modprobe -a " + String.join(" ", modules);
    }

    /** As nft calls a table: {@code ip nat}. */
    static String ofNft(Family family, Table table) {
        return (family == Family.IPV4 ? "ip " : "ip6 ") + table.label();
    }

    private static String module(Flavour flavour, Family family, String table) {
        return flavour == Flavour.NFT
                ? "nft_chain_" + (table.equals("nat") ? "nat" : "filter")
                : (family == Family.IPV4 ? "iptable_" : "ip6table_") + table;
    }

    private static String said(Command.Result result) {
        StringBuilder said = new StringBuilder();
        result.err().lines().forEach(line -> {
            String text = line.strip();
            boolean isTalk = text.isEmpty()
                    || text.startsWith("# Warning")
                    || text.startsWith("Error occurred at")
                    || text.startsWith("Try `");
            if (!isTalk) {
                said.append(said.isEmpty() ? "" : ", ").append(text);
            }
        });
        return said.isEmpty() ? "it ended with status " + result.status() : said.toString();
    }
}
