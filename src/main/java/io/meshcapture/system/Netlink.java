package io.meshcapture.system;

import io.meshcapture.ffi.Errno;
import io.meshcapture.ffi.LibC;
import io.meshcapture.plan.Address;
import io.meshcapture.plan.Family;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import org.jspecify.annotations.Nullable;

/**
 * A netlink socket of the calling thread's network namespace, and how its messages are laid out (netlink(7),
 * linux/netlink.h).
 */
final class Netlink implements AutoCloseable {

    static final byte AF_INET = 2;
    static final byte AF_INET6 = 10;

    /** NLM_F_REQUEST and NLM_F_ACK: done, or an error, is said in so many words. */
    static final short ACKNOWLEDGED = 0x5;

    /** NLM_F_REQUEST and NLM_F_DUMP. */
    static final short DUMP = 0x301;

    /** Bytes of struct nlmsghdr. */
    static final int HEADER = 16;

    /** Bytes of struct nlattr, which stands before each attribute. */
    static final int ATTRIBUTE = 4;

    private static final short NLMSG_ERROR = 2;
    private static final short NLMSG_DONE = 3;
    private static final short NLA_F_NESTED = (short) 0x8000;

    /** What is left of an attribute's type without NLA_F_NESTED and NLA_F_NET_BYTEORDER. */
    private static final int NLA_TYPE_MASK = 0x3fff;

    private static final int BUFFER = 64 * 1024;

    private final LibC libc;
    private final int socket;
    private final byte[] buffer = new byte[BUFFER];

    private Netlink(LibC libc, int socket) {
        this.libc = libc;
        this.socket = socket;
    }

    /** Takes one message. */
    interface Taker {
        /**
         * One call a message.
         *
         * @param answer holds it, in the machine's byte order
         * @param start where it begins, after its header
         * @param end where it ends
         */
        void take(ByteBuffer answer, int start, int end);
    }

    /**
     * Opens one.
     *
     * @param protocol such as NETLINK_SOCK_DIAG
     * @return null where this kernel lacks it
     */
    static @Nullable Netlink open(int protocol) {
        LibC libc = LibC.load();
        int socket = libc.netlinkSocket(protocol);
        return socket < 0 ? null : new Netlink(libc, socket);
    }

    /** A request of at most so many bytes, its header included; its length is put in when it is sent. */
    static ByteBuffer request(int bytes, short type, short flags) {
        return ByteBuffer.allocate(bytes)
                .order(ByteOrder.nativeOrder())
                .putInt(0)
                .putShort(type)
                .putShort(flags)
                .putInt(1)
                .putInt(0);
    }

    /**
     * Sends a request that is either acknowledged or a dump, and hands over what is answered.
     *
     * @return 0 where all was said, or the negated errno
     */
    int ask(ByteBuffer request, Taker taker) {
        byte[] bytes = new byte[request.position()];
        request.putInt(0, bytes.length).get(0, bytes);
        int sent = libc.send(socket, bytes);
        if (sent != bytes.length) {
            return sent < 0 ? sent : -Errno.EINVAL;
        }
        while (true) {
            int length = libc.receive(socket, buffer);
            if (length < HEADER) {
                return length < 0 ? length : -Errno.EINVAL;
            }
            ByteBuffer answer = ByteBuffer.wrap(buffer, 0, length).order(ByteOrder.nativeOrder());
            for (int at = 0; at + HEADER <= length; at += Math.max(HEADER, aligned(answer.getInt(at)))) {
                int end = Math.min(length, at + answer.getInt(at));
                switch (answer.getShort(at + 4)) {
                    case NLMSG_DONE -> {
                        return end >= at + HEADER + 4 ? answer.getInt(at + HEADER) : 0;
                    }
                    case NLMSG_ERROR -> {
                        return answer.getInt(at + HEADER);
                    }
                    default -> taker.take(answer, at + HEADER, end);
                }
            }
        }
    }

    @Override
    public void close() {
        libc.close(socket);
    }

    private static int aligned(int length) {
        return (length + 3) & ~3;
    }

    /** Where the attribute of a type stands among others, its header first; -1 where it does not. */
    static int attribute(ByteBuffer message, int start, int end, int type) {
        for (int at = start; at + ATTRIBUTE <= end; at += Math.max(ATTRIBUTE, aligned(message.getShort(at)))) {
            if ((message.getShort(at + 2) & NLA_TYPE_MASK) == type) {
                return at;
            }
        }
        return -1;
    }

    /** Where an attribute ends that stands there; its length is that of its content and its header. */
    static int endOf(ByteBuffer message, int attribute) {
        return attribute + (message.getShort(attribute) & 0xffff);
    }

    /** Begins an attribute that holds others; answers what {@link #end} wants to know. */
    static int begin(ByteBuffer request, int type) {
        int at = request.position();
        request.putShort((short) 0).putShort((short) (type | NLA_F_NESTED));
        return at;
    }

    static void end(ByteBuffer request, int begun) {
        request.putShort(begun, (short) (request.position() - begun));
    }

    /** Appends an attribute of plain bytes, and what it takes to the next multiple of four. */
    static void put(ByteBuffer request, int type, byte... value) {
        request.putShort((short) (ATTRIBUTE + value.length))
                .putShort((short) type)
                .put(value);
        request.position(aligned(request.position()));
    }

    /** An address in network byte order. */
    static byte[] bytes(Address address) {
        boolean four = address.family() == Family.IPV4;
        ByteBuffer bytes = ByteBuffer.allocate(four ? 4 : 16);
        return four
                ? bytes.putInt((int) address.low()).array()
                : bytes.putLong(address.high()).putLong(address.low()).array();
    }

    /** The same backwards. An IPv4-mapped address counts as IPv4, which it is on the wire. */
    static Address address(ByteBuffer answer, int at, boolean four) {
        if (four) {
            return Address.ipv4((int) bigEndian(answer, at, 4));
        }
        long high = bigEndian(answer, at, 8);
        long low = bigEndian(answer, at + 8, 8);
        boolean mapped = high == 0 && low >>> 32 == 0xffff;
        return mapped ? Address.ipv4((int) low) : new Address(Family.IPV6, high, low);
    }

    /** Two bytes in network byte order, as of a port. */
    static byte[] bytes(int number) {
        return new byte[] {(byte) (number >> 8), (byte) number};
    }

    /** A number in network byte order. */
    static long bigEndian(ByteBuffer answer, int at, int length) {
        long value = 0;
        for (int i = 0; i < length; i++) {
            value = (value << 8) | (answer.get(at + i) & 255);
        }
        return value;
    }
}
