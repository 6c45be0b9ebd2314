package io.meshcapture.system;

import io.meshcapture.ffi.LibC;
import io.meshcapture.plan.Address;
import io.meshcapture.plan.Family;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import org.jspecify.annotations.Nullable;

/** Asks the kernel for the way to an address (rtnetlink(7)), in the calling thread's network namespace. */
public final class Routes {

    private static final int NETLINK_ROUTE = 0;
    private static final short RTM_NEWROUTE = 24;
    private static final short RTM_GETROUTE = 26;
    private static final short NLM_F_REQUEST = 1;
    private static final byte AF_INET = 2;
    private static final byte AF_INET6 = 10;
    private static final short RTA_DST = 1;
    private static final short RTA_OIF = 4;

    /** Lengths of struct nlmsghdr, struct rtmsg and struct rtattr. */
    private static final int HEADER = 16;

    private static final int MESSAGE = 12;
    private static final int ATTRIBUTE = 4;

    private Routes() {}

    /** The interface that a connection to an address leaves by; null where there is no route, or nobody says. */
    public static @Nullable String device(Address destination) {
        LibC libc = LibC.load();
        int socket = libc.netlinkSocket(NETLINK_ROUTE);
        if (socket < 0) {
            return null;
        }
        try {
            byte[] request = request(destination);
            byte[] answer = new byte[4096];
            if (libc.send(socket, request) != request.length) {
                return null;
            }
            int index = outgoing(ByteBuffer.wrap(answer).order(ByteOrder.nativeOrder()), libc.receive(socket, answer));
            return index == 0 ? null : libc.interfaceName(index);
        } finally {
            libc.close(socket);
        }
    }

    private static byte[] request(Address destination) {
        boolean ipv4 = destination.family() == Family.IPV4;
        int bytes = ipv4 ? 4 : 16;
        int length = HEADER + MESSAGE + ATTRIBUTE + bytes;
        ByteBuffer request = ByteBuffer.allocate(length).order(ByteOrder.nativeOrder());
        request.putInt(length)
                .putShort(RTM_GETROUTE)
                .putShort(NLM_F_REQUEST)
                .putInt(1)
                .putInt(0);
        request.put(ipv4 ? AF_INET : AF_INET6).put((byte) (bytes * 8)).put(new byte[MESSAGE - 2]);
        request.putShort((short) (ATTRIBUTE + bytes)).putShort(RTA_DST).order(ByteOrder.BIG_ENDIAN);
        if (ipv4) {
            request.putInt((int) destination.low());
        } else {
            request.putLong(destination.high()).putLong(destination.low());
        }
        return request.array();
    }

    /** The number of the interface; 0 where the answer names none. */
    private static int outgoing(ByteBuffer answer, int length) {
        if (length < HEADER + MESSAGE || answer.getShort(4) != RTM_NEWROUTE) {
            return 0;
        }
        for (int at = HEADER + MESSAGE;
                at + ATTRIBUTE + 4 <= length;
                at += Math.max(4, (answer.getShort(at) + 3) & ~3)) {
            if (answer.getShort(at + 2) == RTA_OIF) {
                return answer.getInt(at + ATTRIBUTE);
            }
        }
        return 0;
    }
}
