package io.meshcapture.system;

import io.meshcapture.failure.Failure;
import io.meshcapture.ffi.Errno;
import io.meshcapture.ffi.LibC;
import io.meshcapture.plan.BadValue;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.concurrent.Callable;
import java.util.concurrent.atomic.AtomicReference;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/** A network namespace, named as {@code --netns} does: NAME of ip-netns(8), PATH, or PID. */
public final class NetworkNamespace {

    /** Where ip-netns(8) keeps named namespaces. */
    private static final Path NAMED = Path.of("/run/netns");

    /** The same, by its name of old. */
    private static final Path NAMED_EARLIER = Path.of("/var/run/netns");

    /** The calling thread's own. */
    public static final Path OF_THIS_THREAD = Path.of("/proc/thread-self/ns/net");

    /** A pid, or what stands for the same. */
    private static final Pattern OF_A_PROCESS = Pattern.compile("([0-9]+)|/proc/([0-9]+)/ns/net");

    private static final String MEND =
            "name one that \"ip netns list\" shows, a path such as /run/netns/NAME, or the pid of a process in it";

    private NetworkNamespace() {}

    /**
     * The file that stands for a namespace.
     *
     * @throws Failure.Invalid where there is none
     */
    public static Path find(String name) {
        Path path;
        if (name.chars().allMatch(c -> c >= '0' && c <= '9') && !name.isEmpty()) {
            path = Path.of("/proc", name, "ns", "net");
        } else if (name.indexOf('/') >= 0) {
            path = path(name);
        } else {
            path = NAMED.resolve(name.isEmpty() ? path("?") : path(name));
        }
        if (!Files.exists(path)) {
            throw new Failure.Invalid("network namespace " + BadValue.quote(name) + " does not exist", "--netns", MEND);
        }
        if (!isNamespace(path)) {
            throw notOne(name);
        }
        return path;
    }

    private static Path path(String name) {
        try {
            return Path.of(name);
        } catch (InvalidPathException _) {
            throw new Failure.Invalid(BadValue.quote(name) + " is not a file name", "--netns", MEND);
        }
    }

    /** The directory of the process that a namespace is named by; null where it is named otherwise. */
    public static @Nullable Path process(String name) {
        Matcher link = OF_A_PROCESS.matcher(name);
        return link.matches() ? Path.of("/proc", link.group(1) == null ? link.group(2) : link.group(1)) : null;
    }

    /** The name by which ip-netns(8) knows a namespace; null where it is named otherwise. */
    public static @Nullable String name(String name) {
        Path path = Path.of(name);
        Path directory = path.getParent();
        boolean named =
                directory == null ? process(name) == null : directory.equals(NAMED) || directory.equals(NAMED_EARLIER);
        Path last = path.getFileName(); // of / there is none
        return named && last != null ? last.toString() : null;
    }

    /** Told without opening it: a FIFO would wait for its writer for ever. All files of namespaces are of one device. */
    private static boolean isNamespace(Path path) {
        try {
            return Files.getAttribute(path, "unix:dev").equals(Files.getAttribute(OF_THIS_THREAD, "unix:dev"));
        } catch (IOException e) {
            return false;
        }
    }

    private static Failure notOne(String name) {
        return new Failure.Invalid(BadValue.quote(name) + " is not a network namespace", "--netns", MEND);
    }

    /**
     * Runs a task in a namespace, on a thread of its own that ends with it; the calling thread stays where it is. With
     * null the task runs on the calling thread.
     */
    public static <T> T in(@Nullable Path namespace, Callable<T> task) throws Exception {
        return namespace == null ? task.call() : elsewhere(() -> enter(namespace), task);
    }

    /**
     * Runs a task in a new and empty namespace that ends with it, on a thread of its own.
     *
     * @throws Failure.Unavailable where this process may not make one
     */
    public static <T> T inNew(Callable<T> task) throws Exception {
        return elsewhere(NetworkNamespace::leave, task);
    }

    private static void leave() {
        int left = LibC.load().unshareNetworkNamespace();
        if (left < 0) {
            throw new Failure.Unavailable(
                    "no network namespace can be made",
                    Errno.words(-left),
                    "run it as root, with the capability SYS_ADMIN");
        }
    }

    private static <T> T elsewhere(Runnable goThere, Callable<T> task) throws Exception {
        AtomicReference<@Nullable T> result = new AtomicReference<>();
        AtomicReference<@Nullable Throwable> failure = new AtomicReference<>();
        Thread thread = Thread.ofPlatform().name("netns").start(() -> {
            try {
                goThere.run();
                result.set(task.call());
            } catch (Throwable e) { // handed to the waiting thread, whatever it is
                failure.set(e);
            }
        });
        thread.join();
        Throwable thrown = failure.get();
        if (thrown instanceof Error error) {
            throw error;
        }
        if (thrown instanceof Exception exception) {
            throw exception;
        }
        return java.util.Objects.requireNonNull(result.get());
    }

    private static void enter(Path namespace) {
        LibC libc = LibC.load();
        int descriptor = libc.open(namespace.toString());
        if (descriptor < 0) {
            throw new Failure.Unavailable(
                    "network namespace " + BadValue.quote(namespace.toString()) + " cannot be opened",
                    Errno.words(-descriptor),
                    "run it as root, with the capability SYS_ADMIN");
        }
        try {
            int entered = libc.setNetworkNamespace(descriptor);
            if (entered == -Errno.EINVAL) {
                throw notOne(namespace.toString());
            }
            if (entered < 0) {
                throw new Failure.Unavailable(
                        "network namespace " + BadValue.quote(namespace.toString()) + " cannot be entered",
                        Errno.words(-entered),
                        "run it as root, with the capability SYS_ADMIN");
            }
        } finally {
            libc.close(descriptor);
        }
    }

    /**
     * The user namespace that owns the calling thread's network namespace, as in {@code user:[4026531837]}; empty where that
     * is none of ours to know.
     */
    static String owner() {
        LibC libc = LibC.load();
        int network = libc.open(OF_THIS_THREAD.toString());
        if (network < 0) {
            return "";
        }
        int owner = libc.userNamespaceOf(network);
        libc.close(network);
        if (owner < 0) {
            return "";
        }
        try {
            return Files.readSymbolicLink(Path.of("/proc/self/fd", Integer.toString(owner)))
                    .toString();
        } catch (IOException e) {
            return "";
        } finally {
            libc.close(owner);
        }
    }

    /** The inode that identifies the calling thread's namespace, as in {@code net:[4026531840]}. */
    public static String identity() {
        try {
            return Files.readSymbolicLink(OF_THIS_THREAD).toString();
        } catch (IOException e) {
            throw new java.io.UncheckedIOException(e);
        }
    }
}
