package io.meshcapture.system;

import io.meshcapture.failure.Failure;
import io.meshcapture.ffi.Errno;
import io.meshcapture.plan.Family;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * What the kernel logs of traced packets on their way through the tables of iptables-legacy (trace_packet() in
 * net/ipv4/netfilter/ip_tables.c), sent to this socket by nfnetlink_log (linux/netfilter/nfnetlink_log.h).
 *
 * <p>Who gets such logs is a setting of the network namespace, one for each family. It is put back at the end. After a kill it
 * stays: what is traced by others then goes to nfnetlink_log and no longer into the kernel's log, until {@code
 * net.netfilter.nf_log.2} and {@code .10} are written again. Nothing is traced any more at that time.
 */
public final class LegacyTrace implements PacketTrace {
    private static final Path SETTINGS = Path.of("/proc/sys/net/netfilter/nf_log");
    private static final String OURS = "nfnetlink_log";

    /** NFNL_SUBSYS_ULOG in the upper byte. */
    private static final short MSG_PACKET = 4 << 8;

    private static final short MSG_CONFIG = 4 << 8 | 1;

    private static final int CONFIG_COMMAND = 1;
    private static final int CONFIG_THRESHOLD = 5;
    private static final byte BIND = 1;
    private static final byte PF_BIND = 3;
    private static final byte PF_UNBIND = 4;

    private static final int PAYLOAD = 9;
    private static final int PREFIX = 10;

    /** What the kernel writes: {@code TRACE: nat:MESHCAPTURE_OUTPUT:rule:3 }. */
    private static final Pattern STEP = Pattern.compile("TRACE: (\\w+):([^:]+):(rule|return|policy):(\\d+) ?");

    private final NfnetlinkSocket socket;

    /** What was set before, of families that were changed. */
    private final Map<Family, String> before = new EnumMap<>(Family.class);

    private LegacyTrace(NfnetlinkSocket socket) {
        this.socket = socket;
    }

    /**
     * Begins to listen.
     *
     * @throws Failure.Unavailable where the kernel does not log to programs, or another one listens already
     */
    public static LegacyTrace open() {
        LegacyTrace trace = new LegacyTrace(NfnetlinkSocket.open());
        try {
            for (Family family : Family.values()) {
                String logger = trace.logger(family);
                if (!logger.equals(OURS)) {
                    require(trace.command(PF_BIND, family));
                    trace.before.put(family, logger);
                }
            }
            require(trace.command(BIND, Family.IPV4));
            require(trace.socket.ask(at(Family.IPV4, CONFIG_THRESHOLD, 0, 0, 0, 1)));
        } catch (Failure e) {
            trace.close();
            throw e;
        }
        return trace;
    }

    private static void require(int answer) {
        if (answer < 0) {
            throw new Failure.Unavailable(
                    "the kernel's trace of iptables-legacy cannot be listened to",
                    answer == -Errno.EBUSY || answer == -Errno.EPERM // nobody gets here without CAP_NET_ADMIN
                            ? "another program has group 0 of nfnetlink_log, maybe another trace"
                            : "nfnetlink_log: " + Errno.words(-answer),
                    "let that end first; or see where connections go with: meshcapture check --probe, or what the rules"
                            + " say with: meshcapture explain --live");
        }
    }

    private String logger(Family family) {
        try {
            return Files.readString(setting(family)).strip();
        } catch (IOException e) {
            return "NONE";
        }
    }

    private static Path setting(Family family) {
        return SETTINGS.resolve(family == Family.IPV4 ? "2" : "10");
    }

    private int command(byte command, Family family) {
        return socket.ask(at(family, CONFIG_COMMAND, command));
    }

    private static ByteBuffer at(Family family, int attribute, int... value) {
        ByteBuffer request = Netlink.request(64, MSG_CONFIG, Netlink.ACKNOWLEDGED)
                .put(family == Family.IPV4 ? Netlink.AF_INET : Netlink.AF_INET6)
                .put((byte) 0)
                .putShort((short) 0); // the group
        byte[] bytes = new byte[value.length];
        for (int i = 0; i < value.length; i++) {
            bytes[i] = (byte) value[i];
        }
        Netlink.put(request, attribute, bytes);
        return request;
    }

    @Override
    public List<Event> next(Duration patience) {
        List<Event> events = new ArrayList<>();
        socket.next(patience, MSG_PACKET, (message, start, end) -> {
            Event event = event(message, start, end);
            if (event != null) {
                events.add(event);
            }
        });
        return events;
    }

    private static @Nullable Event event(ByteBuffer message, int start, int end) {
        Matcher step = STEP.matcher(NfnetlinkSocket.text(message, start, end, PREFIX));
        int payload = Netlink.attribute(message, start, end, PAYLOAD);
        if (!step.matches() || payload < 0) {
            return null;
        }
        int header = payload + Netlink.ATTRIBUTE;
        boolean four = (message.get(header) & 0xf0) == 0x40;
        int transport = header + (four ? (message.get(header) & 15) * 4 : 40);
        if (Netlink.endOf(message, payload) < transport + 4) {
            return null;
        }
        Ends ends = NfnetlinkSocket.ends(message, header, transport);
        return new Event(
                ends.sourcePort(), // the kernel gives no number of its own, and a new connection has a port of its own
                four ? Family.IPV4 : Family.IPV6,
                step.group(1),
                step.group(2),
                step.group(3).equals("rule") ? Long.parseLong(step.group(4)) : 0,
                Verdict.OTHER,
                ends);
    }

    @Override
    public void close() {
        before.forEach((family, logger) -> {
            command(PF_UNBIND, family);
            if (!logger.equals("NONE")) {
                try {
                    Files.write(setting(family), logger.getBytes(StandardCharsets.US_ASCII));
                } catch (IOException readOnly) { // a container's: what is traced there is logged nowhere, as before
                }
            }
        });
        socket.close();
    }
}
