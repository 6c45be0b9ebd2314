package io.meshcapture.system;

import io.meshcapture.ffi.LibC;
import io.meshcapture.plan.Account;
import io.meshcapture.plan.BadValue;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.util.Map;
import java.util.Objects;
import java.util.OptionalLong;
import org.jspecify.annotations.Nullable;

/**
 * What the names of users and groups stand for.
 *
 * <p>Usually what this host's name services say. Where the network namespace is named by a process that has an /etc/passwd
 * of its own, such as a container's, the names are those that its processes know: they are read from the files below its
 * root, without asking any name service of the container's. A namespace that is named otherwise tells nothing about who
 * lives in it, so names stay those of this host. Numbers are never looked up, and mean what they mean to the network
 * namespace's owner; see {@link UserNumbers}. Units and control groups are those of this host, whichever the namespace: the
 * kernel goes by the group itself, and its path is looked up where meshcapture runs.
 */
public final class Accounts {

    /** Far above any real one; what a container offers is not trusted. */
    private static final int LONGEST_FILE = 4 << 20;

    /** {@code /proc/PID/root}, or null for this host. */
    private final @Nullable Path root;

    private Accounts(@Nullable Path root) {
        this.root = root;
    }

    /** Those of this host. */
    public static Accounts ofThisHost() {
        return new Accounts(null);
    }

    /**
     * Those of a network namespace.
     *
     * @param namespace as {@code --netns} names it, or null for the calling thread's own
     */
    public static Accounts in(@Nullable String namespace) {
        Path process = namespace == null ? null : NetworkNamespace.process(namespace);
        return process == null || isOurs(process.resolve("root/etc/passwd"))
                ? ofThisHost()
                : new Accounts(process.resolve("root"));
    }

    private static boolean isOurs(Path passwd) {
        try {
            return identity(passwd).equals(identity(Path.of("/etc/passwd")));
        } catch (IOException e) {
            // one of the two is missing, or is not ours to see: then it is another one, unless this host has none
            // either
            return !Files.exists(Path.of("/etc/passwd"));
        }
    }

    private static Map<String, Object> identity(Path file) throws IOException {
        return Files.readAttributes(file, "unix:dev,ino");
    }

    /** The number of a user or group. */
    public long id(Account account) throws BadValue {
        if (account.isId()) {
            return account.id();
        }
        boolean user = account.kind() == Account.Kind.USER;
        OptionalLong id;
        if (root != null) {
            id = field(user ? "passwd" : "group", 0, account.text(), 2);
        } else {
            id = user ? LibC.load().uidOf(account.text()) : LibC.load().gidOf(account.text());
        }
        if (id.isEmpty()) {
            throw new BadValue(
                    account.kind().label() + " " + BadValue.quote(account.text()) + " does not exist "
                            + (root == null ? "on this host" : "in " + file(user ? "passwd" : "group")),
                    "create it, correct the name, or write its number");
        }
        return id.getAsLong();
    }

    /** The primary group of a user; of one that has no account, the group of the same number. */
    public long primaryGroup(Account user) {
        if (root != null) {
            return field("passwd", user.isId() ? 2 : 0, user.text(), 3).orElse(user.isId() ? user.id() : 0);
        }
        return user.isId()
                ? LibC.load().primaryGidOf(user.id()).orElse(user.id())
                : LibC.load().primaryGidOf(user.text()).orElse(0);
    }

    private Path file(String name) {
        return Objects.requireNonNull(root).resolve("etc").resolve(name);
    }

    /** A number of the first line that has a text in one of its fields (passwd(5), group(5)). */
    private OptionalLong field(String name, int where, String text, int field) {
        Path file = file(name);
        try {
            // a FIFO would wait for its writer, and a link would lead out of the container
            if (!Files.isRegularFile(file, LinkOption.NOFOLLOW_LINKS) || Files.size(file) > LONGEST_FILE) {
                return OptionalLong.empty();
            }
            for (String line : ProcFile.read(file).split("\n", -1)) {
                String[] fields = line.split(":", -1);
                if (fields.length > field && fields[where].equals(text)) {
                    long id = Long.parseLong(fields[field]);
                    return id < 0 || id > Account.MAX_ID ? OptionalLong.empty() : OptionalLong.of(id);
                }
            }
        } catch (IOException | NumberFormatException e) {
            // it knows nobody, or says nonsense
        }
        return OptionalLong.empty();
    }
}
