package io.meshcapture.backend.nftables;

import io.meshcapture.backend.nftables.Ruleset.Chain;
import io.meshcapture.backend.nftables.Ruleset.Element;
import io.meshcapture.backend.nftables.Ruleset.NftSet;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * As much of nft as our scripts use, with the kernel's strictness: nothing is referred to before it is there, nothing is
 * deleted while it is referred to, nothing is added twice or deleted without being there.
 */
final class TinyNft {

    private static final Pattern TABLE = Pattern.compile("add table inet meshcapture \\{ comment \"(.*)\"; }");
    private static final Pattern CHAIN =
            Pattern.compile("(add|flush|delete) chain inet meshcapture (\\S+)(?: \\{ (.*) })?");
    private static final Pattern RULE = Pattern.compile("add rule inet meshcapture (\\S+) (.*)");
    private static final Pattern SET =
            Pattern.compile("(add|delete|flush) (set|map) inet meshcapture (\\S+)(?: \\{ (.*); })?");
    private static final Pattern ELEMENTS = Pattern.compile("(add|delete) element inet meshcapture (\\S+) (\\{ .* })");
    private static final Pattern REFERENCE = Pattern.compile("@(\\S+)|(?:jump|goto) (\\S+)");

    private @Nullable String comment;
    private final Map<String, NftSet> sets = new LinkedHashMap<>();
    private final Map<String, Chain> chains = new LinkedHashMap<>();

    private TinyNft() {}

    /** What stands after a script. */
    static Ruleset run(@Nullable Ruleset before, String script) {
        TinyNft nft = new TinyNft();
        if (before != null) {
            nft.comment = before.comment();
            before.sets().forEach((name, set) -> nft.sets.put(name, copy(set)));
            before.chains()
                    .forEach((name, chain) ->
                            nft.chains.put(name, new Chain(name, chain.base(), new ArrayList<>(chain.rules()))));
        }
        script.lines().forEach(nft::command);
        return new Ruleset(nft.comment, nft.sets, nft.chains);
    }

    private static NftSet copy(NftSet set) {
        return new NftSet(set.name(), set.isMap(), set.declaration(), new LinkedHashMap<>(set.elements()));
    }

    private void command(String line) {
        Matcher table = TABLE.matcher(line);
        Matcher chain = CHAIN.matcher(line);
        Matcher rule = RULE.matcher(line);
        Matcher set = SET.matcher(line);
        Matcher elements = ELEMENTS.matcher(line);
        if (line.equals("delete table inet meshcapture")) {
            require(comment != null, "there is no table", line);
            comment = null;
            sets.clear();
            chains.clear();
            return;
        }
        if (table.matches()) {
            require(comment == null, "the table is there", line);
            comment = table.group(1);
            return;
        }
        require(comment != null, "there is no table", line);
        if (chain.matches()) {
            chain(chain.group(1), chain.group(2), chain.group(3), line);
        } else if (rule.matches()) {
            requireReferences(rule.group(2), line);
            there(chains, rule.group(1), line).rules().add(rule.group(2));
        } else if (elements.matches()) {
            elements(elements.group(1), there(sets, elements.group(2), line), elements.group(3), line);
        } else if (set.matches()) {
            set(set.group(1), set.group(2), set.group(3), set.group(4), line);
        } else {
            require(false, "a syntax error", line);
        }
    }

    private void chain(String verb, String name, @Nullable String base, String line) {
        switch (verb) {
            case "add" -> {
                require(!chains.containsKey(name), "it is there", line);
                chains.put(name, new Chain(name, base, new ArrayList<>()));
            }
            case "flush" -> there(chains, name, line).rules().clear();
            default -> {
                require(there(chains, name, line).rules().isEmpty(), "it has rules", line);
                requireUnused(name, line);
                chains.remove(name);
            }
        }
    }

    private void set(String verb, String keyword, String name, @Nullable String declaration, String line) {
        boolean isMap = keyword.equals("map");
        if (verb.equals("add")) {
            require(!sets.containsKey(name), "it is there", line);
            sets.put(
                    name,
                    new NftSet(
                            name, isMap, List.of(String.valueOf(declaration).split("; ", -1)), new LinkedHashMap<>()));
        } else if (verb.equals("flush")) {
            require(there(sets, name, line).isMap() == isMap, "it is the other kind", line);
            there(sets, name, line).elements().clear();
        } else {
            require(there(sets, name, line).isMap() == isMap, "it is the other kind", line);
            requireUnused("@" + name, line);
            sets.remove(name);
        }
    }

    private void elements(String verb, NftSet set, String text, String line) {
        Ruleset read = ListingParser.parse("\tset x {\n\t\telements = " + text + "\n\t}\n");
        Map<String, Element> elements = there(read.sets(), "x", line).elements();
        for (Element element : elements.values()) {
            if (verb.equals("add")) {
                requireReferences(element.verdict(), line);
                require(set.elements().put(element.key(), element) == null, "it has that element", line);
            } else {
                require(element.equals(Element.of(element.key(), "", "")), "more than a key", line);
                require(set.elements().remove(single(element.key())) != null, "it has no such element", line);
            }
        }
    }

    /** A range of one number is that number. */
    private static String single(String key) {
        return key.replaceAll("(?<![0-9])([0-9]+)-\\1(?![0-9])", "$1");
    }

    private void requireReferences(String text, String line) {
        Matcher references = REFERENCE.matcher(uncommented(text));
        while (references.find()) {
            if (references.group(1) != null) {
                there(sets, references.group(1), line);
            } else {
                there(chains, references.group(2), line);
            }
        }
    }

    private static String uncommented(String text) {
        return text.replaceAll(" comment \".*\"$", "");
    }

    private void requireUnused(String name, String line) {
        Pattern word = Pattern.compile("(^|.* )" + Pattern.quote(name) + "( .*|$)");
        for (Chain chain : chains.values()) {
            require(
                    chain.rules().stream()
                            .noneMatch(rule -> word.matcher(uncommented(rule)).matches()),
                    "a rule uses it",
                    line);
        }
        for (NftSet set : sets.values()) {
            require(
                    set.elements().values().stream()
                            .noneMatch(
                                    element -> word.matcher(element.verdict()).matches()),
                    "an element uses it",
                    line);
        }
    }

    private static <T> T there(Map<String, T> things, String name, String line) {
        T thing = things.get(name);
        require(thing != null, "there is no " + name, line);
        return Objects.requireNonNull(thing);
    }

    private static void require(boolean holds, String otherwise, String line) {
        if (!holds) {
            throw new AssertionError(otherwise + ": " + line);
        }
    }
}
