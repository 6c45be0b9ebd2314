package io.meshcapture.system;

import io.meshcapture.ffi.Errno;
import io.meshcapture.ffi.OwnedSocket;
import io.meshcapture.plan.Address;
import io.meshcapture.plan.Family;
import java.util.OptionalLong;
import org.jspecify.annotations.Nullable;

/** A socket that belongs to another user and control group, and sends its first packet to where it is told. */
public final class ProbeSocket implements FirstPacket {

    private final OwnedSocket socket;
    private final boolean udp;
    private final int port;
    private int errno;

    private ProbeSocket(OwnedSocket socket, boolean udp, int port) {
        this.socket = socket;
        this.udp = udp;
        this.port = port;
    }

    /** Thrown where none can be opened. */
    public static final class NotOpened extends Exception {
        private static final long serialVersionUID = 1L;

        NotOpened(String reason) {
            super(reason);
        }

        /** Why, in words. */
        public String reason() {
            return String.valueOf(getMessage());
        }
    }

    /**
     * Who it belongs to.
     *
     * @param uid in the user namespace that owns the network namespace
     * @param gid likewise
     * @param cgroup path of its control group below the root, or null for this process's own
     */
    public record Owner(long uid, long gid, @Nullable String cgroup) {}

    /**
     * Opens one, with a port of its own.
     *
     * @param numbers of the network namespace, or null where they are not known
     */
    public static ProbeSocket open(Family family, boolean udp, Owner owner, @Nullable UserNumbers numbers)
            throws NotOpened {
        if (numbers == null) {
            throw new NotOpened("users have other numbers in this network namespace, and which is not visible here");
        }
        OptionalLong uid = numbers.userHere(owner.uid());
        OptionalLong gid = numbers.groupHere(owner.gid());
        if (uid.isEmpty() || gid.isEmpty()) {
            throw new NotOpened("uid " + owner.uid() + ", gid " + owner.gid() + " is nobody in this user namespace");
        }
        try {
            OwnedSocket socket = owner.cgroup() == null
                    ? OwnedSocket.open(family == Family.IPV6, udp, uid.getAsLong(), gid.getAsLong())
                    : ControlGroups.within(
                            owner.cgroup(),
                            () -> OwnedSocket.open(family == Family.IPV6, udp, uid.getAsLong(), gid.getAsLong()));
            try {
                return new ProbeSocket(socket, udp, socket.bindToAnyPort());
            } catch (OwnedSocket.Failed e) {
                socket.close();
                throw e;
            }
        } catch (OwnedSocket.Failed e) {
            throw new NotOpened(String.valueOf(e.getMessage()));
        } catch (Exception e) {
            throw new NotOpened("its control group cannot be entered (" + e.getMessage() + ")");
        }
    }

    @Override
    public int port() {
        return port;
    }

    @Override
    public void send(Address destination, int destinationPort) {
        int failed = socket.connect(Netlink.bytes(destination), destinationPort);
        if (failed == 0 && udp) {
            failed = socket.send();
        }
        errno = failed == Errno.EINPROGRESS ? 0 : failed;
    }

    @Override
    public void repeat() {} // TCP_TIMEOUT_INIT is a second

    /** 0 as long as nothing is known, or why it failed. */
    private int errno() {
        if (errno == 0) {
            errno = socket.error();
        }
        return errno;
    }

    @Override
    public boolean isOver() {
        return errno() != 0;
    }

    @Override
    public boolean isRefused() {
        return errno() == Errno.ECONNREFUSED || (udp && errno() == Errno.EPERM);
    }

    @Override
    public boolean isWithoutRoute() {
        return errno() == Errno.ENETUNREACH || errno() == Errno.EHOSTUNREACH || errno() == Errno.EADDRNOTAVAIL;
    }

    @Override
    public String words() {
        return Errno.words(errno());
    }

    @Override
    public void close() {
        socket.close();
    }
}
