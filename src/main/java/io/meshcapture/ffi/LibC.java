package io.meshcapture.ffi;

import com.kenai.jffi.LastError;
import com.kenai.jffi.MemoryIO;
import com.kenai.jffi.Type;
import java.nio.charset.StandardCharsets;
import java.util.OptionalLong;
import org.jspecify.annotations.Nullable;

/**
 * The few functions of libc that Java does not offer.
 *
 * <p>A failed call answers with the negated errno, as the kernel does, read in the same thread before anything else.
 */
public final class LibC {

    /** Close on exec, read only (asm-generic/fcntl.h; the same on x86_64 and aarch64). */
    private static final int O_RDONLY_CLOEXEC = 02000000;

    private static final int CLONE_NEWNET = 0x40000000;
    private static final int NS_GET_USERNS = 0xb701;
    private static final int TIOCGWINSZ = 0x5413;
    private static final int AF_UNIX = 1;
    private static final int AF_NETLINK = 16;
    private static final int SOCKADDR_NL = 12;

    /** SOCK_RAW and SOCK_CLOEXEC. */
    private static final int SOCK_RAW_CLOEXEC = 3 | 02000000;

    /** SOCK_STREAM, SOCK_CLOEXEC, and SOCK_NONBLOCK: whoever has the name may let nobody in, and would be waited for. */
    private static final int SOCK_STREAM_AT_ONCE = 1 | 02000000 | 04000;

    private static final int LOCK_EX_NB = 2 | 4;

    /** Offset of pw_uid in struct passwd and gr_gid in struct group: two pointers (glibc and musl, 64 bit). */
    private static final int ID_OFFSET = 16;

    /** Offset of pw_gid, which follows pw_uid. */
    private static final int PRIMARY_GROUP_OFFSET = 20;

    /** IFNAMSIZ, the final NUL included. */
    private static final int INTERFACE_NAME = 16;

    private static @Nullable LibC loaded;

    private final NativeLibrary library = NativeLibrary.ofC();

    /** Taken after the library: where jffi's stub is missing, that one says so. */
    private final MemoryIO memory = MemoryIO.getInstance();

    private LibC() {}

    /** Loads the library at the first call. */
    public static synchronized LibC load() {
        if (loaded == null) {
            loaded = new LibC();
        }
        return loaded;
    }

    /** open(2), read only: a file descriptor, or the negated errno. */
    public int open(String path) {
        try (NativeText text = new NativeText(path)) {
            NativeLibrary.Function open = library.function("open", Type.SINT32, Type.POINTER, Type.SINT32);
            return result(open.call(text.address(), O_RDONLY_CLOEXEC));
        }
    }

    /** close(2). */
    public void close(int descriptor) {
        library.function("close", Type.SINT32, Type.SINT32).call(descriptor);
    }

    /** setns(2) of the calling thread into a network namespace: 0, or the negated errno. */
    public int setNetworkNamespace(int descriptor) {
        NativeLibrary.Function setns = library.function("setns", Type.SINT32, Type.SINT32, Type.SINT32);
        return result(setns.call(descriptor, CLONE_NEWNET));
    }

    /** unshare(2) of the calling thread into a new network namespace: 0, or the negated errno. */
    public int unshareNetworkNamespace() {
        return result(library.function("unshare", Type.SINT32, Type.SINT32).call(CLONE_NEWNET));
    }

    /** flock(2), exclusive and without waiting: 0, or the negated errno (EWOULDBLOCK where it is held). */
    public int lockExclusively(int descriptor) {
        NativeLibrary.Function flock = library.function("flock", Type.SINT32, Type.SINT32, Type.SINT32);
        return result(flock.call(descriptor, LOCK_EX_NB));
    }

    /** The user namespace that owns another namespace (ioctl_ns(2)): a descriptor, or the negated errno. */
    public int userNamespaceOf(int descriptor) {
        NativeLibrary.Function ioctl = library.function("ioctl", Type.SINT32, Type.SINT32, Type.UINT64, Type.SINT32);
        return result(ioctl.call(descriptor, NS_GET_USERNS, 0));
    }

    /** The columns and rows of a terminal (TIOCGWINSZ); null where the descriptor is none. */
    public short @Nullable [] windowSize(int descriptor) {
        long size = memory.allocateMemory(8, true);
        try {
            NativeLibrary.Function ioctl =
                    library.function("ioctl", Type.SINT32, Type.SINT32, Type.UINT64, Type.POINTER);
            return (int) ioctl.call(descriptor, TIOCGWINSZ, size) < 0
                    ? null
                    : new short[] {memory.getShort(size + 2), memory.getShort(size)};
        } finally {
            memory.freeMemory(size);
        }
    }

    /** kill(2) with signal 0: 0 where the process is there, or the negated errno. */
    public int signalNothing(long pid) {
        NativeLibrary.Function kill = library.function("kill", Type.SINT32, Type.SINT32, Type.SINT32);
        return result(kill.call(pid, 0));
    }

    /** A netlink socket of the calling thread's network namespace (netlink(7)): a descriptor, or the negated errno. */
    public int netlinkSocket(int protocol) {
        NativeLibrary.Function socket = library.function("socket", Type.SINT32, Type.SINT32, Type.SINT32, Type.SINT32);
        return result(socket.call(AF_NETLINK, SOCK_RAW_CLOEXEC, protocol));
    }

    /**
     * Gives a netlink socket a number of its own (bind(2)), without which it hears nothing that the kernel tells everybody: 0,
     * or the negated errno.
     */
    public int bindNetlink(int descriptor) {
        long address = memory.allocateMemory(SOCKADDR_NL, true);
        try {
            memory.putShort(address, (short) AF_NETLINK);
            NativeLibrary.Function bind = library.function("bind", Type.SINT32, Type.SINT32, Type.POINTER, Type.UINT32);
            return result(bind.call(descriptor, address, SOCKADDR_NL));
        } finally {
            memory.freeMemory(address);
        }
    }

    /**
     * Connects to an abstract socket of the calling thread's network namespace (unix(7)), and closes the connection again:
     * 0 where somebody listens there, or the negated errno.
     *
     * @param name without the NUL that makes it abstract
     */
    public int touchAbstractSocket(String name) {
        byte[] text = name.getBytes(StandardCharsets.UTF_8);
        int length = 3 + text.length;
        long address = memory.allocateMemory(length, true);
        NativeLibrary.Function socket = library.function("socket", Type.SINT32, Type.SINT32, Type.SINT32, Type.SINT32);
        int descriptor = result(socket.call(AF_UNIX, SOCK_STREAM_AT_ONCE, 0));
        try {
            if (descriptor < 0) {
                return descriptor;
            }
            memory.putShort(address, (short) AF_UNIX);
            memory.putByteArray(address + 3, text, 0, text.length);
            NativeLibrary.Function connect =
                    library.function("connect", Type.SINT32, Type.SINT32, Type.POINTER, Type.UINT32);
            return result(connect.call(descriptor, address, length));
        } finally {
            memory.freeMemory(address);
            if (descriptor >= 0) {
                close(descriptor);
            }
        }
    }

    /** send(2) of a whole buffer: the number of bytes, or the negated errno. */
    public int send(int descriptor, byte[] bytes) {
        long buffered = memory.allocateMemory(bytes.length, false);
        try {
            memory.putByteArray(buffered, bytes, 0, bytes.length);
            NativeLibrary.Function send =
                    library.function("send", Type.SINT64, Type.SINT32, Type.POINTER, Type.UINT64, Type.SINT32);
            return result(send.call(descriptor, buffered, bytes.length, 0));
        } finally {
            memory.freeMemory(buffered);
        }
    }

    /** setsockopt(2): 0, or the negated errno. */
    public int setOption(int descriptor, int level, int option, byte[] value) {
        long buffered = memory.allocateMemory(value.length, false);
        try {
            memory.putByteArray(buffered, value, 0, value.length);
            NativeLibrary.Function set = library.function(
                    "setsockopt", Type.SINT32, Type.SINT32, Type.SINT32, Type.SINT32, Type.POINTER, Type.UINT32);
            return result(set.call(descriptor, level, option, buffered, value.length));
        } finally {
            memory.freeMemory(buffered);
        }
    }

    /** recv(2) into a buffer: the number of bytes, or the negated errno. */
    public int receive(int descriptor, byte[] buffer) {
        long buffered = memory.allocateMemory(buffer.length, false);
        try {
            NativeLibrary.Function receive =
                    library.function("recv", Type.SINT64, Type.SINT32, Type.POINTER, Type.UINT64, Type.SINT32);
            int length = result(receive.call(descriptor, buffered, buffer.length, 0));
            if (length > 0) {
                memory.getByteArray(buffered, buffer, 0, length);
            }
            return length;
        } finally {
            memory.freeMemory(buffered);
        }
    }

    /** The name of a network interface by its number (if_indextoname(3)); null where there is none. */
    public @Nullable String interfaceName(int index) {
        long buffered = memory.allocateMemory(INTERFACE_NAME, true);
        try {
            NativeLibrary.Function name = library.function("if_indextoname", Type.POINTER, Type.UINT32, Type.POINTER);
            if (name.call(index, buffered) == 0) {
                return null;
            }
            byte[] text = new byte[INTERFACE_NAME];
            memory.getByteArray(buffered, text, 0, text.length);
            int length = 0;
            while (length < text.length && text[length] != 0) {
                length++;
            }
            return new String(text, 0, length, StandardCharsets.UTF_8);
        } finally {
            memory.freeMemory(buffered);
        }
    }

    /** The uid of a user by name, through the host's name services (getpwnam(3)); empty where there is none. */
    public OptionalLong uidOf(String user) {
        return field("getpwnam", user, ID_OFFSET);
    }

    /** The primary gid of a user by name; empty where there is none. */
    public OptionalLong primaryGidOf(String user) {
        return field("getpwnam", user, PRIMARY_GROUP_OFFSET);
    }

    /** The primary gid of a user by number (getpwuid(3)); empty where that number has no account. */
    public OptionalLong primaryGidOf(long uid) {
        return field(library.function("getpwuid", Type.POINTER, Type.UINT32).call(uid), PRIMARY_GROUP_OFFSET);
    }

    /** The gid of a group by name (getgrnam(3)); empty where there is none. */
    public OptionalLong gidOf(String group) {
        return field("getgrnam", group, ID_OFFSET);
    }

    /**
     * From now on, this process knows no user or group by name. libnftables takes every uid for a name first: ten thousand
     * numbers would be ten thousand questions to a directory server, and an account that is called 1337 would become
     * whatever its number is. glibc's __nss_configure_lookup, with a service that has no accounts; other C libraries ask
     * /etc/passwd alone.
     */
    public void askNobodyForAccounts() {
        configureAccounts("dns");
    }

    /** From now on, this process knows the users and groups of /etc/passwd and /etc/group. */
    public void askFilesForAccounts() {
        configureAccounts("files");
    }

    private void configureAccounts(String service) {
        String configure = "__nss_configure_lookup";
        if (library.has(configure)) {
            NativeLibrary.Function lookup = library.function(configure, Type.SINT32, Type.POINTER, Type.POINTER);
            for (String database : new String[] {"passwd", "group"}) {
                try (NativeText name = new NativeText(database);
                        NativeText source = new NativeText(service)) {
                    lookup.call(name.address(), source.address());
                }
            }
        }
    }

    private OptionalLong field(String function, String name, int offset) {
        try (NativeText text = new NativeText(name)) {
            return field(library.function(function, Type.POINTER, Type.POINTER).call(text.address()), offset);
        }
    }

    private OptionalLong field(long entry, int offset) {
        return entry == 0
                ? OptionalLong.empty()
                : OptionalLong.of(Integer.toUnsignedLong(memory.getInt(entry + offset)));
    }

    private static int result(long returned) {
        return (int) returned >= 0 ? (int) returned : -LastError.getInstance().get();
    }
}
