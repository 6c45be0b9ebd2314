package io.meshcapture.config;

import io.meshcapture.plan.BadValue;
import org.yaml.snakeyaml.error.MarkedYAMLException;

/** What snakeyaml says about a text that is not YAML, in one line of ours. */
final class YamlMistake {
    private static final String QUOTE = "quote the value";

    private record Mistake(String what, String mend) {}

    private YamlMistake() {}

    static void add(String name, MarkedYAMLException malformed, Problems problems) {
        String problem = malformed.getProblem() == null ? "" : malformed.getProblem();
        String context = malformed.getContext() == null ? "" : malformed.getContext();
        Mistake mistake = mistake(problem, context);
        problems.add(YamlDocument.at(name, malformed.getProblemMark()), mistake.what(), mistake.mend());
    }

    private static Mistake mistake(String problem, String context) {
        if (problem.contains("TAB")) {
            return new Mistake("a tab stands where YAML wants spaces", "indent with spaces");
        }
        if (problem.contains("undefined alias")) {
            return new Mistake(
                    BadValue.printable(problem).replace("found undefined alias ", "no anchor stands before alias *"),
                    "quote the value if no alias is meant");
        }
        if (context.contains("alias") || context.contains("anchor")) {
            return new Mistake("a value begins with * or &, which YAML takes for an alias or anchor", QUOTE);
        }
        if (problem.contains("cannot start any token")) {
            return new Mistake("a value begins with a character that YAML keeps for itself", QUOTE);
        }
        if (problem.contains("found ':'")) {
            return new Mistake(
                    "a \":\" stands where YAML expects a value", "quote the value, such as \":22\" or \"::1\"");
        }
        if (problem.contains("mapping values are not allowed")) {
            return new Mistake("a \": \" stands where no key can be", "check the indentation, or quote the value");
        }
        if (problem.contains("could not find expected ':'")) {
            return new Mistake("a key has no \": \" behind it", "write KEY: VALUE, and check the indentation above");
        }
        if (context.contains("double-quoted scalar") && !problem.contains("end of stream")) {
            return new Mistake(
                    "a backslash begins no escape that YAML knows", "use single quotes, or \\\\ for a backslash");
        }
        if (context.contains("quoted scalar")) {
            return new Mistake("a quotation mark is not closed", "close it");
        }
        if (context.contains("flow sequence") || context.contains("flow mapping")) {
            return new Mistake(
                    "a list or mapping in brackets is not closed, or misses a comma",
                    "separate items with \", \" and close the bracket");
        }
        if (problem.contains("block end") || problem.contains("block mapping")) {
            return new Mistake(
                    "this does not fit the lines above",
                    "indent what belongs together alike, and quote values with brackets");
        }
        return new Mistake(
                "this is not YAML: " + BadValue.printable(problem), "compare it with the example in the documentation");
    }
}
