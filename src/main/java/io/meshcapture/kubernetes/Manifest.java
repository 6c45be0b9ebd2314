package io.meshcapture.kubernetes;

import io.meshcapture.failure.Failure;
import io.meshcapture.plan.BadValue;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;
import org.yaml.snakeyaml.LoaderOptions;
import org.yaml.snakeyaml.composer.Composer;
import org.yaml.snakeyaml.error.Mark;
import org.yaml.snakeyaml.error.MarkedYAMLException;
import org.yaml.snakeyaml.error.YAMLException;
import org.yaml.snakeyaml.nodes.Node;
import org.yaml.snakeyaml.parser.ParserImpl;
import org.yaml.snakeyaml.reader.StreamReader;
import org.yaml.snakeyaml.resolver.Resolver;
import org.yaml.snakeyaml.scanner.ScannerImpl;
import org.yaml.snakeyaml.tokens.Token;

/** A file of manifests: YAML or JSON, one document or several. */
final class Manifest {
    /** As many levels as an API server reads of a custom resource and more. */
    private static final int MAX_DEPTH = 200;

    private final String name;
    private final ManifestText text;

    private Manifest(String name, ManifestText text) {
        this.name = name;
        this.text = text;
    }

    /**
     * Reads a manifest.
     *
     * @param name of the file, for messages
     * @throws Failure.Invalid where it is not UTF-8
     */
    static Manifest read(String name, byte[] content) {
        try {
            return read(
                    name,
                    StandardCharsets.UTF_8
                            .newDecoder()
                            .decode(ByteBuffer.wrap(content))
                            .toString());
        } catch (CharacterCodingException e) {
            throw new Failure.Invalid("the manifest is not UTF-8", BadValue.printable(name), "save it as UTF-8");
        }
    }

    static Manifest read(String name, String content) {
        return new Manifest(name, new ManifestText(content));
    }

    /**
     * Hands the root of each document on, one after the other: the tree of a large file would be forty times its size.
     *
     * @throws Failure.Invalid where it is not YAML
     */
    void forEachDocument(Consumer<Node> task) {
        String content = text.toString();
        try {
            Composer composer =
                    new Composer(new ParserImpl(new StreamReader(content), options()), new Resolver(), options());
            while (composer.checkNode()) {
                task.accept(composer.getNode());
            }
        } catch (MarkedYAMLException malformed) {
            Mark mark = malformed.getProblemMark();
            String problem = String.valueOf(malformed.getProblem());
            throw new Failure.Invalid(
                    "the manifest is not YAML: " + (isTab(problem) ? "a tab indents" : BadValue.printable(problem)),
                    mark == null ? BadValue.printable(name) : place(name, mark),
                    mend(content, problem));
        } catch (YAMLException malformed) {
            String what =
                    String.valueOf(malformed.getMessage()).lines().findFirst().orElse("");
            throw new Failure.Invalid(
                    "the manifest is not YAML: " + BadValue.printable(what),
                    BadValue.printable(name),
                    mend(content, what));
        }
    }

    private static String mend(String content, String problem) {
        if (content.contains("{{")) {
            return "write the templates out first, with helm template for one";
        }
        return isTab(problem) ? "indent with spaces" : "correct it; kubectl would refuse it too";
    }

    /** Its words for that are twice as long as a line. */
    private static boolean isTab(String problem) {
        return problem.contains("TAB");
    }

    private static LoaderOptions options() {
        LoaderOptions options = new LoaderOptions();
        options.setCodePointLimit(Integer.MAX_VALUE); // whoever read the bytes has bounded them
        options.setNestingDepthLimit(MAX_DEPTH);
        options.setMaxAliasesForCollections(Integer.MAX_VALUE); // none is written out here
        return options;
    }

    ManifestText text() {
        return text;
    }

    /** The offsets of the dashes before the items of block lists, in ascending order. */
    int[] dashes() {
        ScannerImpl scanner = new ScannerImpl(new StreamReader(text.toString()), options());
        List<Integer> dashes = new ArrayList<>();
        while (scanner.checkToken()) {
            Token token = scanner.getToken();
            if (token.getTokenId() == Token.ID.BlockEntry) {
                dashes.add(text.offset(token.getStartMark()));
            }
        }
        return dashes.stream().mapToInt(Integer::intValue).toArray();
    }

    /** Where something stands, for messages. */
    String place(Node node) {
        return place(name, node.getStartMark());
    }

    private static String place(String name, Mark mark) {
        return BadValue.printable(name) + ":" + (mark.getLine() + 1) + ":" + (mark.getColumn() + 1);
    }
}
