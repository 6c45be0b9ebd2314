package io.meshcapture.backend.hosts;

import io.meshcapture.plan.BadValue;
import io.meshcapture.plan.HostName;
import io.meshcapture.plan.ServiceName;
import io.meshcapture.rules.Fnv;
import io.meshcapture.rules.LoopbackAddress;
import java.util.Collection;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * A line of ours: {@code 127.66.1.2 orders # meshcapture svc=orders v=1 k=0a1b2c3d}, where k is a hash of what stands
 * before it. It says whose it is, so that no file beside it has to survive. One name a line: resolvers that merge lines
 * with a common name (c-ares 1.34) would mix services, and musl reads no more than 511 bytes of a line.
 *
 * <p>With another first byte, {@code #}, it is a comment for every resolver; so one byte makes it live or takes it back.
 *
 * @param service whose it is
 * @param address where the name leads
 * @param name the name; never with a final dot, which is Envoy's way past the capture
 * @param mapped whether the address is written as IPv6 (RFC 4291 section 2.5.5.2): glibc and c-ares ask DNS for the IPv6
 *     address of a name that has an IPv4 line alone, and that address would lead past Envoy
 */
public record OwnLine(ServiceName service, LoopbackAddress address, HostName name, boolean mapped) {
    static final String TAG = "# meshcapture svc=";
    private static final String VERSION = " v=1 k=";

    /** How many bytes the end of a line has that is its hash, with what is before and behind. */
    static final int CHECK = "k=00000000\n".length();

    private static final String MAPPED = "::ffff:";

    /** The first byte of a line that is not in force. */
    static final char INERT = '#';

    /** Both lines of each name. */
    public static Set<OwnLine> of(ServiceName service, LoopbackAddress address, Collection<HostName> names) {
        Set<OwnLine> lines = new LinkedHashSet<>();
        for (HostName name : names) {
            lines.add(new OwnLine(service, address, name, false));
            lines.add(new OwnLine(service, address, name, true));
        }
        return lines;
    }

    /** The line in force, without its newline. */
    String live() {
        String text = (mapped ? MAPPED : "") + address + " " + name + " " + TAG + service + VERSION;
        return text + check(text);
    }

    /** The line as a comment, without its newline. */
    String inert() {
        return INERT + live().substring(1);
    }

    /** The first byte that puts it in force. */
    char first() {
        return mapped ? MAPPED.charAt(0) : LoopbackAddress.PREFIX.charAt(0);
    }

    /** The line that a text without newline is, in force or as a comment; null where a single byte differs. */
    static @Nullable OwnLine parse(String text) {
        if (text.indexOf(TAG) < 0) {
            return null;
        }
        String live = text.startsWith("#:") ? ":" + text.substring(1) : text;
        if (live.startsWith("#")) {
            live = LoopbackAddress.PREFIX.charAt(0) + live.substring(1);
        }
        boolean mapped = live.startsWith(MAPPED);
        List<String> words = List.of((mapped ? live.substring(MAPPED.length()) : live).split(" ", -1));
        if (words.size() != 7) {
            return null;
        }
        LoopbackAddress address = LoopbackAddress.parse(words.get(0));
        ServiceName service = service(text);
        if (address == null || service == null) {
            return null;
        }
        try {
            OwnLine line = new OwnLine(service, address, HostName.parse(words.get(1)), mapped);
            return line.live().equals(live) ? line : null;
        } catch (BadValue e) {
            return null;
        }
    }

    /** The service that a line's tag names, whatever else of it was edited; null where it has no such tag. */
    static @Nullable ServiceName service(String text) {
        int tag = text.indexOf(TAG);
        if (tag < 0) {
            return null;
        }
        int start = tag + TAG.length();
        int end = start;
        while (end < text.length() && !Character.isWhitespace(text.charAt(end))) {
            end++;
        }
        try {
            return ServiceName.parse(text.substring(start, end));
        } catch (BadValue e) {
            return null;
        }
    }

    static String check(String text) {
        return Fnv.hex(Fnv.hash(text)).substring(8);
    }

    // written out: what the compiler makes for records is linked at the first call, 10 ms of every start

    @Override
    public boolean equals(Object other) {
        return other instanceof OwnLine that
                && mapped == that.mapped
                && address.equals(that.address)
                && name.equals(that.name)
                && service.equals(that.service);
    }

    @Override
    public int hashCode() {
        return (name.hashCode() * 31 + service.hashCode()) * 2 + (mapped ? 1 : 0);
    }
}
