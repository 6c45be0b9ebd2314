package io.meshcapture.ffi;

import com.kenai.jffi.LastError;
import com.kenai.jffi.MemoryIO;
import com.kenai.jffi.Type;
import java.io.IOException;

/**
 * A network interface of the calling thread's network namespace whose wire is this process (Linux,
 * Documentation/networking/tuntap.rst): packets that are written arrive on it, and what leaves by it is read. It goes with its
 * descriptor, however the process ends.
 */
public final class TunDevice implements AutoCloseable {
    private static final String DEVICE = "/dev/net/tun";

    /** O_RDWR, O_NONBLOCK and O_CLOEXEC (asm-generic/fcntl.h). */
    private static final int FLAGS = 2 | 04000 | 02000000;

    /** linux/if_tun.h. */
    private static final long TUNSETIFF = 0x400454caL;

    private static final short IFF_TUN_NO_PI = 0x0001 | 0x1000;

    /** Bytes of struct ifreq, and of the name that it begins with. */
    private static final int IFREQ = 40;

    private static final int NAME = 16;

    private final NativeLibrary library =
            NativeLibrary.load("libc.so.6", "install meshcapture for this system's architecture and C library");
    private final MemoryIO memory = MemoryIO.getInstance();
    private final int descriptor;
    private final int index;

    /**
     * Makes one.
     *
     * @param name of it; {@code %d} in it becomes the first number that is free
     * @throws IOException that says why, where there is no {@value #DEVICE} or this process lacks CAP_NET_ADMIN
     */
    public TunDevice(String name) throws IOException {
        try (NativeText path = new NativeText(DEVICE)) {
            descriptor = checked(library.function("open", Type.SINT32, Type.POINTER, Type.SINT32)
                    .call(path.address(), FLAGS));
        }
        long request = memory.allocateMemory(IFREQ, true);
        try {
            byte[] text = name.getBytes(java.nio.charset.StandardCharsets.US_ASCII);
            memory.putByteArray(request, text, 0, Math.min(text.length, NAME - 1));
            memory.putShort(request + NAME, IFF_TUN_NO_PI);
            checked(library.function("ioctl", Type.SINT32, Type.SINT32, Type.UINT64, Type.POINTER)
                    .call(descriptor, TUNSETIFF, request));
            index = checked(library.function("if_nametoindex", Type.UINT32, Type.POINTER)
                    .call(request));
        } catch (IOException e) {
            close();
            throw e;
        } finally {
            memory.freeMemory(request);
        }
    }

    /** Its number (netdevice(7)). */
    public int index() {
        return index;
    }

    /** Has a packet arrive, which begins with its IP header: the number of bytes, or the negated errno. */
    public int write(byte[] packet) {
        long buffered = memory.allocateMemory(packet.length, false);
        try {
            memory.putByteArray(buffered, packet, 0, packet.length);
            return result(library.function("write", Type.SINT64, Type.SINT32, Type.POINTER, Type.UINT64)
                    .call(descriptor, buffered, packet.length));
        } finally {
            memory.freeMemory(buffered);
        }
    }

    /** A packet that left: the number of bytes, or the negated errno, EAGAIN where none did. */
    public int read(byte[] packet) {
        long buffered = memory.allocateMemory(packet.length, false);
        try {
            int length = result(library.function("read", Type.SINT64, Type.SINT32, Type.POINTER, Type.UINT64)
                    .call(descriptor, buffered, packet.length));
            if (length > 0) {
                memory.getByteArray(buffered, packet, 0, length);
            }
            return length;
        } finally {
            memory.freeMemory(buffered);
        }
    }

    @Override
    public void close() {
        library.function("close", Type.SINT32, Type.SINT32).call(descriptor);
    }

    private static int result(long returned) {
        return (int) returned >= 0 ? (int) returned : -LastError.getInstance().get();
    }

    private static int checked(long returned) throws IOException {
        int result = result(returned);
        if (result < 0) {
            throw new IOException(DEVICE + ": " + Errno.words(-result));
        }
        return result;
    }
}
