package io.meshcapture.config;

import io.meshcapture.plan.BadValue;
import org.yaml.snakeyaml.error.MarkedYAMLException;

/** What snakeyaml says about a text that is not YAML, in one line of ours. */
final class YamlMistake {
    private YamlMistake() {}

    static void add(String name, MarkedYAMLException malformed, Problems problems) {
        String problem = malformed.getProblem() == null ? "" : malformed.getProblem();
        String context = malformed.getContext() == null ? "" : malformed.getContext();
        String what;
        String mend;
        if (problem.contains("TAB")) {
            what = "a tab stands where YAML wants spaces";
            mend = "indent with spaces";
        } else if (problem.contains("undefined alias")) {
            what = "an alias has no anchor: " + BadValue.printable(problem);
            mend = "quote the value if its * is meant";
        } else if (problem.contains("mapping values are not allowed")) {
            what = "a second \": \" stands in one line";
            mend = "quote the value, or check the indentation";
        } else if (problem.contains("could not find expected ':'")) {
            what = "a key has no \": \" behind it";
            mend = "write KEY: VALUE, and check the indentation above";
        } else if (context.contains("quoted scalar")) {
            what = "a quotation mark is not closed";
            mend = "close it";
        } else if (context.contains("flow sequence") || context.contains("flow mapping")) {
            what = "a list or mapping in brackets is not closed, or misses a comma";
            mend = "separate items with \", \" and close the bracket";
        } else if (problem.contains("block end") || problem.contains("block mapping")) {
            what = "the indentation does not fit the lines above";
            mend = "indent what belongs together alike";
        } else {
            what = "this is not YAML: " + BadValue.printable(problem);
            mend = "compare it with the example in the documentation";
        }
        problems.add(YamlDocument.at(name, malformed.getProblemMark()), what, mend);
    }
}
