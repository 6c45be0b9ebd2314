package io.meshcapture.config;

import io.meshcapture.failure.Failure;
import io.meshcapture.plan.BadValue;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileSystemException;
import java.nio.file.FileSystemLoopException;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.LinkOption;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Finds the plan's file and reads it, bounded: {@code -f FILE}, else {@code MESHCAPTURE_PLAN}, else
 * {@code /etc/meshcapture/plan.yaml}; {@code -} is standard input.
 *
 * <p>At most 1 MiB is read, what a ConfigMap can hold; {@code MESHCAPTURE_PLAN_LIMIT} (1KiB to 16MiB) raises that for
 * the plans of machines with very many networks. Parsed, a plan takes some forty times its size.
 */
public final class PlanFile {
    /** Where the plan is when nobody says. */
    public static final Path DEFAULT = Path.of("/etc/meshcapture/plan.yaml");

    private static final String STANDARD_INPUT = "standard input";
    private static final int DEFAULT_LIMIT = 1 << 20;

    private PlanFile() {}

    /**
     * Reads the plan.
     *
     * @param fileFlag the value of {@code -f}, or null
     * @param environment the process's environment
     * @param stdin read only where {@code -} is named
     * @param optional whether the default file may be missing, as where flags can do
     * @return the plan; null only where nothing is named, the default does not exist and optional is set
     * @throws Failure.Invalid if the file is not there, not readable, not a regular file, empty or too large
     */
    public static @Nullable PlanSource locate(
            @Nullable String fileFlag, Map<String, String> environment, InputStream stdin, boolean optional) {
        return locate(fileFlag, environment, stdin, optional, DEFAULT);
    }

    /** Likewise, where this host's own plan is not meant; null where nothing is named. */
    public static @Nullable PlanSource named(
            @Nullable String fileFlag, Map<String, String> environment, InputStream stdin) {
        int limit = limit(environment.get(Environment.PLAN_LIMIT));
        String variable = environment.get(Environment.PLAN);
        if (fileFlag != null) {
            return read(fileFlag, "-f", stdin, limit);
        }
        return variable == null ? null : read(variable, Environment.PLAN, stdin, limit);
    }

    /** Whether the plan is read from standard input, which can be done once. */
    public static boolean isStandardInput(@Nullable String fileFlag, Map<String, String> environment) {
        return "-".equals(fileFlag == null ? environment.get(Environment.PLAN) : fileFlag);
    }

    static @Nullable PlanSource locate(
            @Nullable String fileFlag,
            Map<String, String> environment,
            InputStream stdin,
            boolean optional,
            Path defaultPath) {
        PlanSource named = named(fileFlag, environment, stdin);
        if (named != null) {
            return named;
        }
        if (Files.notExists(defaultPath, LinkOption.NOFOLLOW_LINKS)) {
            if (optional) {
                return null;
            }
            throw new Failure.Invalid(
                    "there is no plan",
                    defaultPath + " does not exist",
                    "write it, or name another with -f FILE or " + Environment.PLAN);
        }
        return read(defaultPath.toString(), "default", stdin, limit(environment.get(Environment.PLAN_LIMIT)));
    }

    private static PlanSource read(String name, String namedBy, InputStream stdin, int limit) {
        if (name.isBlank()) {
            throw new Failure.Invalid(
                    "the name of the plan " + BadValue.quote(name) + " is empty",
                    namedBy,
                    "write a file, or - for " + STANDARD_INPUT);
        }
        try {
            if (name.equals("-")) {
                return bounded(STANDARD_INPUT, stdin, limit);
            }
            Path path = Path.of(name);
            refuseOtherThanRegular(name, path);
            try (InputStream file = Files.newInputStream(path)) {
                return bounded(name, file, limit);
            }
        } catch (NoSuchFileException _) {
            throw refused(name, "does not exist", namedBy, "write the plan there, or name another file");
        } catch (AccessDeniedException _) {
            throw refused(name, "may not be read", namedBy, "run as root, or change the file's permissions");
        } catch (FileSystemLoopException _) {
            throw refused(name, "is a symbolic link to itself", namedBy, "name the file itself");
        } catch (InvalidPathException _) {
            throw refused(name, "is not a file name", namedBy, "write a path without NUL characters");
        } catch (FileSystemException failed) {
            String reason = failed.getReason() == null ? "unknown reason" : failed.getReason();
            throw refused(name, "cannot be read: " + BadValue.printable(reason), namedBy, "name another file");
        } catch (IOException failed) {
            String reason = failed.getMessage() == null ? "unknown reason" : failed.getMessage();
            throw refused(name, "cannot be read: " + BadValue.printable(reason), namedBy, "name another file");
        }
    }

    /** A FIFO would wait for its writer for ever, and a device for worse; neither is opened. */
    private static void refuseOtherThanRegular(String name, Path path) throws IOException {
        BasicFileAttributes attributes = Files.readAttributes(path, BasicFileAttributes.class);
        if (attributes.isDirectory()) {
            throw refused(name, "is a directory", "it has to be a file", "name the file in it, such as plan.yaml");
        }
        if (!attributes.isRegularFile()) {
            throw refused(
                    name,
                    "is not a regular file",
                    "a pipe or device may never end",
                    "pipe it into -f - for " + STANDARD_INPUT);
        }
    }

    private static PlanSource bounded(String name, InputStream stream, int limit) throws IOException {
        byte[] content = stream.readNBytes(limit + 1);
        if (content.length > limit) {
            throw new Failure.Invalid(
                    "plan " + BadValue.quote(name) + " is larger than " + size(limit),
                    BadValue.printable(name),
                    "if it is meant to be, set " + Environment.PLAN_LIMIT + ", at most to 16MiB");
        }
        if (content.length == 0) {
            Problems problems = new Problems();
            YamlDocument.addEmpty(BadValue.printable(name), problems);
            problems.throwIfAny();
        }
        return new PlanSource(name, content);
    }

    private static int limit(@Nullable String text) {
        if (text == null) {
            return DEFAULT_LIMIT;
        }
        int unit = text.endsWith("KiB") ? 1 << 10 : text.endsWith("MiB") ? 1 << 20 : 0;
        String number = unit == 0 ? "" : text.substring(0, text.length() - 3);
        int value = 0;
        for (int i = 0; i < number.length() && value >= 0; i++) {
            char c = number.charAt(i);
            value = c >= '0' && c <= '9' && i < 5 ? value * 10 + (c - '0') : -1;
        }
        long limit = (long) value * unit;
        if (limit < 1 << 10 || limit > 16 << 20) {
            throw new Failure.Invalid(
                    "limit " + BadValue.quote(text) + " is not a size from 1KiB to 16MiB",
                    Environment.PLAN_LIMIT,
                    "write it as 512KiB or 4MiB");
        }
        return (int) limit;
    }

    private static String size(int limit) {
        return limit % (1 << 20) == 0 ? (limit >> 20) + " MiB" : (limit >> 10) + " KiB";
    }

    private static Failure.Invalid refused(String name, String what, String because, String mend) {
        return new Failure.Invalid("plan " + BadValue.quote(name) + " " + what, because, mend);
    }
}
