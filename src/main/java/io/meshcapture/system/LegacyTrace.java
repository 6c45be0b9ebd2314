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
 * <p>Who gets such logs is a setting of the network namespace, one for each family ({@code net.netfilter.nf_log.2} and {@code
 * .10}). It is put back at the end. After a kill it stays, since the kernel ties it to no process; what it was is kept in a
 * {@link Keeper}, by which whoever comes next puts it back. Nothing is traced any more at that time.
 */
public final class LegacyTrace implements PacketTrace {
    private static final Path SETTINGS = Path.of("/proc/sys/net/netfilter/nf_log");
    private static final String OURS = "nfnetlink_log";
    private static final String NONE = "NONE";

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

    /** Programs that listen, one a line, the group first (seq_show() in net/netfilter/nfnetlink_log.c). */
    private static final Path LISTENERS = Path.of("/proc/thread-self/net/netfilter/nfnetlink_log");

    /** Keeps what was set before, where it outlives the process and goes with the network namespace. */
    public interface Keeper {
        void keep(String before);

        /** What is kept, or the empty text. */
        String kept();

        /** Whether there is a record, though it may say nothing: kernels before 5.10 keep no comments of tables. */
        boolean isThere();

        void forget();
    }

    private final NfnetlinkSocket socket;
    private final Keeper keeper;

    /** What was set before, of families that were changed. */
    private final Map<Family, String> before = new EnumMap<>(Family.class);

    private boolean isKept;

    private LegacyTrace(NfnetlinkSocket socket, Keeper keeper) {
        this.socket = socket;
        this.keeper = keeper;
    }

    /**
     * Begins to listen. Whoever finds a record takes a listener for its owner, so that there is one before there is a record,
     * and a record before anything is changed.
     *
     * @throws Failure.Unavailable where the kernel does not log to programs, or another one listens already
     */
    public static LegacyTrace open(Keeper keeper) {
        LegacyTrace trace = new LegacyTrace(NfnetlinkSocket.open(), keeper);
        try {
            require(trace.command(BIND, Family.IPV4));
            require(trace.socket.ask(at(Family.IPV4, CONFIG_THRESHOLD, 0, 0, 0, 1)));
            Map<Family, String> left = left(keeper.kept()); // by one that could not put it back
            StringBuilder kept = new StringBuilder();
            for (Family family : Family.values()) {
                String before = left.getOrDefault(family, logger(family));
                kept.append(family).append('=').append(before).append(' ');
            }
            keeper.keep(kept.toString().strip());
            trace.isKept = true;
            trace.before.putAll(left);
            for (Family family : Family.values()) {
                String logger = logger(family);
                if (!logger.equals(OURS)) {
                    require(trace.command(PF_BIND, family));
                    trace.before.put(family, logger);
                }
            }
        } catch (Failure e) {
            trace.close();
            throw e;
        }
        return trace;
    }

    /** Whether a trace that is over has left something in this network namespace. */
    public static boolean hasLeft(Keeper keeper) {
        return mayHaveLeft() && !left(keeper.kept()).isEmpty() && !isListening();
    }

    /** Puts back what a trace that was killed has left, if any, and takes its record away. */
    public static void putBack(Keeper keeper) {
        if (mayHaveLeft() && keeper.isThere() && !isListening()) {
            LegacyTrace killed = new LegacyTrace(NfnetlinkSocket.open(), keeper);
            killed.before.putAll(left(keeper.kept()));
            killed.isKept = true;
            killed.close();
        }
    }

    /** Else nobody needs to ask. */
    private static boolean mayHaveLeft() {
        boolean mayHave = LegacyTables.areUsed();
        for (Family family : Family.values()) {
            mayHave |= logger(family).equals(OURS);
        }
        return mayHave;
    }

    /** What was set before, of families that are still set as a trace needs them. */
    private static Map<Family, String> left(String kept) {
        Map<Family, String> left = new EnumMap<>(Family.class);
        for (String one : kept.split(" ", -1)) {
            for (Family family : Family.values()) {
                String set = one.startsWith(family + "=") ? one.substring(one.indexOf('=') + 1) : OURS;
                if (!set.equals(OURS) && logger(family).equals(OURS)) {
                    left.put(family, set);
                }
            }
        }
        return left;
    }

    private static boolean isListening() {
        try {
            return ProcFile.read(LISTENERS)
                    .lines()
                    .anyMatch(line -> line.strip().startsWith("0 "));
        } catch (IOException e) {
            return Files.exists(LISTENERS); // nobody ever did, or it is not ours to see: then nothing is put back
        }
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

    private static String logger(Family family) {
        try {
            return Files.readString(setting(family)).strip();
        } catch (IOException e) {
            return NONE;
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
        boolean isBack = true;
        for (Map.Entry<Family, String> one : before.entrySet()) {
            isBack &= isPutBack(one.getKey(), one.getValue());
        }
        if (isKept && isBack) {
            keeper.forget();
        }
        socket.close();
    }

    private boolean isPutBack(Family family, String logger) {
        if (!logger.equals(NONE)) {
            try {
                Files.write(setting(family), logger.getBytes(StandardCharsets.US_ASCII));
                return true;
            } catch (IOException e) {
                if (!Files.isWritable(setting(family))) {
                    return false; // read-only, as a container's: by the record it is told, and put back by whoever may
                }
            }
        }
        command(PF_UNBIND, family); // nobody was set, or that one is gone meanwhile
        return true;
    }
}
