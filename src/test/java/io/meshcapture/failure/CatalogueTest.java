package io.meshcapture.failure;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assertions.fail;

import com.sun.source.tree.BinaryTree;
import com.sun.source.tree.CompilationUnitTree;
import com.sun.source.tree.ConditionalExpressionTree;
import com.sun.source.tree.ExpressionTree;
import com.sun.source.tree.LiteralTree;
import com.sun.source.tree.NewClassTree;
import com.sun.source.tree.ParenthesizedTree;
import com.sun.source.util.JavacTask;
import com.sun.source.util.TreeScanner;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.stream.Stream;
import javax.tools.JavaFileObject;
import javax.tools.StandardJavaFileManager;
import javax.tools.ToolProvider;
import org.junit.jupiter.api.Test;

/** docs/errors.md is what the code says: every message, what it means for the exit code, and the mend. */
class CatalogueTest {
    private static final Path SOURCES = Path.of("src/main/java");
    private static final Path CATALOGUE = Path.of("docs/errors.md");

    /** By the constructors that make them. */
    private static final Map<String, ExitCode> KINDS = Map.of(
            "Failure.Invalid", ExitCode.USAGE,
            "Problem", ExitCode.USAGE,
            "BadValue", ExitCode.USAGE,
            "Failure.Unavailable", ExitCode.UNAVAILABLE,
            "Failure.Busy", ExitCode.BUSY,
            "Failure.Refused", ExitCode.REFUSED,
            "Failure.Conflict", ExitCode.CONFLICT,
            "Failure.Unverified", ExitCode.UNVERIFIED);

    /** A message; what is filled in when it is said stands as three dots. */
    record Message(String what, String because, String mend) implements Comparable<Message> {
        @Override
        public int compareTo(Message other) {
            return toString().compareTo(other.toString());
        }

        String row() {
            return "| " + cell(what) + " | " + cell(because) + " | " + cell(mend) + " |\n";
        }

        private static String cell(String text) {
            return text.replace("|", "\\|")
                    .replace("<", "&lt;")
                    .replace("\n", " ")
                    .strip();
        }
    }

    @Test
    void catalogue_has_every_message_of_the_code_and_no_other() throws IOException {
        String made = catalogue();
        if ("write".equals(System.getProperty("golden"))) {
            Files.writeString(CATALOGUE, made);
            fail("written: " + CATALOGUE);
        }
        assertEquals(made, Files.readString(CATALOGUE), "write it with -Dgolden=write");
    }

    @Test
    void every_message_says_what_and_how_to_mend_it() throws IOException {
        messages().forEach((code, messages) -> {
            for (Message message : messages) {
                assertTrue(!message.what.isBlank() && !message.mend.isBlank(), message::toString);
                assertTrue(message.what.indexOf('\n') < 0 && message.mend.indexOf('\n') < 0, message::toString);
            }
        });
    }

    private static String catalogue() throws IOException {
        StringBuilder text = new StringBuilder("""
                # Messages

                Every message that ends a command, by its exit code. It is one line: what; because; do. Three dots are filled in when it
                is said, and where there are several ways to say it, these stand in parentheses. This page is made from the code.
                """);
        messages().forEach((code, messages) -> {
            text.append("\n## ").append(code.status()).append(": ").append(code.meaning());
            text.append("\n\n| what | because, or where | do |\n|---|---|---|\n");
            messages.forEach(message -> text.append(message.row()));
        });
        return text.toString();
    }

    /** Those of all exit codes. */
    static List<Message> all() throws IOException {
        return messages().values().stream().flatMap(Set::stream).toList();
    }

    private static Map<ExitCode, Set<Message>> messages() throws IOException {
        Map<ExitCode, Set<Message>> found = new TreeMap<>();
        var compiler = ToolProvider.getSystemJavaCompiler();
        try (StandardJavaFileManager files = compiler.getStandardFileManager(null, null, null);
                Stream<Path> sources = Files.walk(SOURCES)) {
            Iterable<? extends JavaFileObject> all = files.getJavaFileObjectsFromPaths(
                    sources.filter(path -> path.toString().endsWith(".java")).toList());
            var task = (JavacTask) compiler.getTask(null, files, null, List.of("-proc:none"), null, all);
            for (CompilationUnitTree unit : task.parse()) {
                new TreeScanner<Void, Void>() {
                    @Override
                    public Void visitNewClass(NewClassTree made, Void nothing) {
                        ExitCode code = KINDS.get(made.getIdentifier().toString());
                        List<? extends ExpressionTree> arguments = made.getArguments();
                        Message message = arguments.size() < 2 ? null : message(arguments);
                        if (code != null && message != null && !message.what.equals("…")) { // passed on from elsewhere
                            found.computeIfAbsent(code, any -> new TreeSet<>()).add(message);
                        }
                        return super.visitNewClass(made, null);
                    }
                }.scan(unit, null);
            }
        }
        return found;
    }

    /** The first argument says what, the last what to do. */
    private static Message message(List<? extends ExpressionTree> arguments) {
        List<String> texts = new ArrayList<>();
        arguments.forEach(argument -> texts.add(text(argument).replaceAll("(?:… ?)*…", "…")));
        return new Message(texts.getFirst(), texts.size() > 2 ? texts.get(1) : "", texts.getLast());
    }

    private static String text(ExpressionTree expression) {
        return switch (expression) {
            case LiteralTree literal -> String.valueOf(literal.getValue());
            case BinaryTree sum -> text(sum.getLeftOperand()) + text(sum.getRightOperand());
            case ParenthesizedTree inner -> text(inner.getExpression());
            case ConditionalExpressionTree either ->
                "(" + text(either.getTrueExpression()) + " / " + text(either.getFalseExpression()) + ")";
            default -> "…";
        };
    }
}
