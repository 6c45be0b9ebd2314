package io.meshcapture.ffi;

import com.kenai.jffi.LastError;
import com.kenai.jffi.MemoryIO;
import com.kenai.jffi.Type;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import org.jspecify.annotations.Nullable;

/**
 * A socket that counts as another user's: netfilter goes by the file system ids of the thread that called socket(2)
 * (f_cred in net/netfilter/nft_meta.c and xt_owner.c), which setfsuid(2) and setfsgid(2) set for one thread alone, and
 * nothing else of the process.
 */
public final class OwnedSocket implements AutoCloseable {

    /** sys/socket.h; the same on every architecture but MIPS, which meshcapture is not built for. */
    private static final int AF_INET = 2;

    private static final int AF_INET6 = 10;
    private static final int SOCK_STREAM = 1;
    private static final int SOCK_DGRAM = 2;

    /** SOCK_CLOEXEC and SOCK_NONBLOCK. */
    private static final int CLOEXEC_NONBLOCK = 02000000 | 04000;

    private static final int SOL_SOCKET = 1;
    private static final int SO_ERROR = 4;

    /** Bytes of struct sockaddr_in6, the longer of the two, and what stands in it. */
    private static final int SOCKADDR = 28;

    private static final int PORT_OFFSET = 2;
    private static final int IPV4_OFFSET = 4;
    private static final int IPV6_OFFSET = 8;

    private final int descriptor;
    private final boolean ipv6;

    private OwnedSocket(int descriptor, boolean ipv6) {
        this.descriptor = descriptor;
        this.ipv6 = ipv6;
    }

    /** Thrown where a system call fails; carries the errno. */
    public static final class Failed extends Exception {
        private static final long serialVersionUID = 1L;
        private final int errno;

        Failed(String call, int errno) {
            super(call + ": " + Errno.words(errno));
            this.errno = errno;
        }

        public int errno() {
            return errno;
        }
    }

    /**
     * Opens one that does not block.
     *
     * @param uid in this process's user namespace, 0 to 4294967294
     * @param gid likewise
     * @throws Failed also where the thread may not take these ids (CAP_SETUID, CAP_SETGID), which the kernel does not say
     */
    public static OwnedSocket open(boolean ipv6, boolean udp, long uid, long gid) throws Failed {
        int oldGid = (int) setFsGid((int) gid);
        int oldUid = (int) setFsUid((int) uid);
        try {
            if ((int) setFsUid(-1) != (int) uid || (int) setFsGid(-1) != (int) gid) {
                throw new Failed("setfsuid", Errno.EPERM);
            }
            long descriptor = NativeLibrary.ofC()
                    .function("socket", Type.SINT32, Type.SINT32, Type.SINT32, Type.SINT32)
                    .call(ipv6 ? AF_INET6 : AF_INET, (udp ? SOCK_DGRAM : SOCK_STREAM) | CLOEXEC_NONBLOCK, 0);
            return new OwnedSocket(checked("socket", descriptor), ipv6);
        } finally {
            setFsUid(oldUid);
            setFsGid(oldGid);
        }
    }

    /** Answers the id before; -1 changes nothing, since it is nobody's. */
    private static long setFsUid(int uid) {
        return NativeLibrary.ofC()
                .function("setfsuid", Type.SINT32, Type.SINT32)
                .call(uid);
    }

    private static long setFsGid(int gid) {
        return NativeLibrary.ofC()
                .function("setfsgid", Type.SINT32, Type.SINT32)
                .call(gid);
    }

    /** Takes a port that nobody has, of those that the kernel gives to clients, and answers it. */
    public int bindToAnyPort() throws Failed {
        try (SocketAddress any = new SocketAddress(ipv6, null, 0)) {
            checked(
                    "bind",
                    NativeLibrary.ofC()
                            .function("bind", Type.SINT32, Type.SINT32, Type.POINTER, Type.SINT32)
                            .call(descriptor, any.at, any.length()));
            checked(
                    "getsockname",
                    NativeLibrary.ofC()
                            .function("getsockname", Type.SINT32, Type.SINT32, Type.POINTER, Type.POINTER)
                            .call(descriptor, any.at, any.size()));
            return any.port();
        }
    }

    /**
     * Connects, or begins to.
     *
     * @param address 4 or 16 bytes
     * @return 0, or the errno: EINPROGRESS where the answer is waited for
     */
    public int connect(byte[] address, int port) {
        try (SocketAddress to = new SocketAddress(ipv6, address, port)) {
            long result = NativeLibrary.ofC()
                    .function("connect", Type.SINT32, Type.SINT32, Type.POINTER, Type.SINT32)
                    .call(descriptor, to.at, to.length());
            return (int) result == 0 ? 0 : LastError.getInstance().get();
        }
    }

    /** Sends a datagram of one byte to where it is connected: 0, or the errno. */
    public int send() {
        long buffer = MemoryIO.getInstance().allocateMemory(1, true);
        try {
            long sent = NativeLibrary.ofC()
                    .function("send", Type.SINT64, Type.SINT32, Type.POINTER, Type.UINT64, Type.SINT32)
                    .call(descriptor, buffer, 1, 0);
            return sent >= 0 ? 0 : LastError.getInstance().get();
        } finally {
            MemoryIO.getInstance().freeMemory(buffer);
        }
    }

    /** What has befallen it since it was asked last (SO_ERROR): 0 for nothing, or an errno. */
    public int error() {
        MemoryIO memory = MemoryIO.getInstance();
        long value = memory.allocateMemory(8, true);
        try {
            memory.putInt(value + 4, 4);
            NativeLibrary.ofC()
                    .function(
                            "getsockopt",
                            Type.SINT32,
                            Type.SINT32,
                            Type.SINT32,
                            Type.SINT32,
                            Type.POINTER,
                            Type.POINTER)
                    .call(descriptor, SOL_SOCKET, SO_ERROR, value, value + 4);
            return memory.getInt(value);
        } finally {
            memory.freeMemory(value);
        }
    }

    @Override
    public void close() {
        NativeLibrary.ofC().function("close", Type.SINT32, Type.SINT32).call(descriptor);
    }

    private static int checked(String call, long result) throws Failed {
        if ((int) result < 0) {
            throw new Failed(call, LastError.getInstance().get());
        }
        return (int) result;
    }

    /** A struct sockaddr_in or sockaddr_in6 in memory of C's, and room for its length behind it. */
    private static final class SocketAddress implements AutoCloseable {
        private final long at = MemoryIO.getInstance().allocateMemory(SOCKADDR + 4L, true);
        private final boolean ipv6;

        SocketAddress(boolean ipv6, byte @Nullable [] address, int port) {
            this.ipv6 = ipv6;
            ByteBuffer bytes = ByteBuffer.allocate(SOCKADDR).order(ByteOrder.nativeOrder());
            bytes.putShort((short) (ipv6 ? AF_INET6 : AF_INET));
            bytes.put(PORT_OFFSET, (byte) (port >> 8)).put(PORT_OFFSET + 1, (byte) port);
            if (address != null) {
                bytes.put(ipv6 ? IPV6_OFFSET : IPV4_OFFSET, address);
            }
            MemoryIO.getInstance().putByteArray(at, bytes.array(), 0, SOCKADDR);
            MemoryIO.getInstance().putInt(at + SOCKADDR, length());
        }

        int length() {
            return ipv6 ? SOCKADDR : 16;
        }

        long size() {
            return at + SOCKADDR;
        }

        int port() {
            MemoryIO memory = MemoryIO.getInstance();
            return (memory.getByte(at + PORT_OFFSET) & 255) << 8 | (memory.getByte(at + PORT_OFFSET + 1) & 255);
        }

        @Override
        public void close() {
            MemoryIO.getInstance().freeMemory(at);
        }
    }
}
