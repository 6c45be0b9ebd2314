package io.meshcapture.ffi;

import com.kenai.jffi.MemoryIO;
import com.kenai.jffi.Type;
import java.util.ArrayList;
import java.util.List;

/** What posix_spawn(3) is told of one program: its words, its streams, its signals. No shell, and nothing is looked up in PATH. */
final class Spawn implements AutoCloseable {

    /** In a process group, or a session, of its own (spawn.h; the same with glibc and musl). */
    static final int OWN_GROUP = 0x02;

    static final int OWN_SESSION = 0x80;

    private static final int SETSIGDEF = 0x04;
    private static final int SETSIGMASK = 0x08;

    /** More than posix_spawnattr_t (336 bytes with glibc) and posix_spawn_file_actions_t (80) take. */
    private static final int OPAQUE = 1024;

    /** More than sigset_t takes. */
    private static final int SIGNALS = 128;

    private static final int O_RDWR = 02;

    private final NativeLibrary library = NativeLibrary.ofC();
    private final MemoryIO memory = MemoryIO.getInstance();
    private final List<NativeText> texts = new ArrayList<>();
    private final List<Long> allocated = new ArrayList<>();
    private final long actions = allocate(OPAQUE);
    private final long attributes = allocate(OPAQUE);
    private final long argv;
    private final long envp;
    private final long path;

    /**
     * @param arguments the path of the program first, which is taken as it is
     * @param environment all of it, as {@code NAME=value}
     */
    Spawn(List<String> arguments, List<String> environment) {
        argv = array(arguments);
        path = texts.getFirst().address();
        envp = array(environment);
        function("posix_spawn_file_actions_init").call(actions);
        function("posix_spawnattr_init").call(attributes);
    }

    private long allocate(long bytes) {
        long address = memory.allocateMemory(bytes, true);
        allocated.add(address);
        return address;
    }

    private long text(String text) {
        NativeText kept = new NativeText(text);
        texts.add(kept);
        return kept.address();
    }

    private long array(List<String> words) {
        long array = allocate(8L * (words.size() + 1));
        for (int i = 0; i < words.size(); i++) {
            memory.putLong(array + 8L * i, text(words.get(i)));
        }
        return array;
    }

    private NativeLibrary.Function function(String of) {
        return library.function(of, Type.SINT32, Type.POINTER);
    }

    /** Has a stream of the program be what we have open as this descriptor. */
    void stream(int stream, int descriptor) {
        library.function("posix_spawn_file_actions_adddup2", Type.SINT32, Type.POINTER, Type.SINT32, Type.SINT32)
                .call(actions, descriptor, stream);
    }

    /** Has a stream of the program lead nowhere. */
    void streamToNowhere(int stream) {
        library.function(
                        "posix_spawn_file_actions_addopen",
                        Type.SINT32,
                        Type.POINTER,
                        Type.SINT32,
                        Type.POINTER,
                        Type.SINT32,
                        Type.SINT32)
                .call(actions, stream, text("/dev/null"), O_RDWR, 0);
    }

    /**
     * Starts it, with signals as at the start of a program, none blocked.
     *
     * @param apart {@link #OWN_GROUP} or {@link #OWN_SESSION}
     * @return its process id
     */
    int start(int apart) throws ChildProcess.NotStarted {
        library.function("posix_spawnattr_setflags", Type.SINT32, Type.POINTER, Type.SINT16)
                .call(attributes, apart | SETSIGDEF | SETSIGMASK);
        long signals = allocate(SIGNALS);
        setSignals("posix_spawnattr_setsigmask", signals);
        function("sigfillset").call(signals);
        setSignals("posix_spawnattr_setsigdefault", signals);
        long pid = allocate(8);
        int error = (int) library.function(
                        "posix_spawn",
                        Type.SINT32,
                        Type.POINTER,
                        Type.POINTER,
                        Type.POINTER,
                        Type.POINTER,
                        Type.POINTER,
                        Type.POINTER)
                .call(pid, path, actions, attributes, argv, envp);
        if (error != 0) {
            throw new ChildProcess.NotStarted(error);
        }
        return memory.getInt(pid);
    }

    private void setSignals(String which, long signals) {
        library.function(which, Type.SINT32, Type.POINTER, Type.POINTER).call(attributes, signals);
    }

    @Override
    public void close() {
        function("posix_spawn_file_actions_destroy").call(actions);
        function("posix_spawnattr_destroy").call(attributes);
        texts.forEach(NativeText::close);
        allocated.forEach(memory::freeMemory);
    }
}
