package io.meshcapture.plan;

import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Where connections go to: addresses, ports, or both.
 *
 * @param network the addresses, or null for every address of both families
 * @param ports the ports
 * @param origin where it was written
 */
public record Destination(@Nullable Network network, Ports ports, Origin origin) {

    private static final String MEND =
            "write ADDRESS[/PREFIX][:PORTS] or :PORTS, such as 10.0.0.0/8:443, :8000-8100 or [fd00::/8]:443";

    /** Everything: what {@code any} means. */
    public static Destination any(Origin origin) {
        return new Destination(null, Ports.ALL, origin);
    }

    /**
     * Reads {@code ADDRESS[/PREFIX][:PORTS]} or {@code :PORTS}. An IPv6 address with ports stands in brackets; without
     * ports the brackets may be left out.
     */
    public static Destination parse(String text, Origin origin) throws BadValue {
        try {
            return read(text, origin);
        } catch (BadValue bad) {
            throw otherThanMeant(text, bad);
        }
    }

    /** What people write instead: a port alone, or a name. */
    private static BadValue otherThanMeant(String text, BadValue bad) {
        if (text.matches("\\d{1,5}(-\\d{1,5})?")) {
            return new BadValue(
                    "destination " + BadValue.quote(text) + " is a port without its colon", "write :" + text);
        }
        if (text.matches("[A-Za-z0-9._-]*[A-Za-z][A-Za-z0-9._-]*(:[^:]*)?")) {
            return new BadValue(
                    "destination " + BadValue.quote(text) + " is a name, and connections are told by their address",
                    "write an address or a network; a service captures names by its hosts");
        }
        return bad;
    }

    private static Destination read(String text, Origin origin) throws BadValue {
        if (text.isEmpty()) {
            throw new BadValue("destination \"\" is empty", MEND);
        }
        if (text.startsWith(":") && !text.startsWith("::")) {
            return new Destination(null, Ports.parse(text.substring(1)), origin);
        }
        if (text.startsWith("[")) {
            int end = text.indexOf(']');
            String rest = end < 0 ? "" : text.substring(end + 1);
            if (end < 0 || !(rest.isEmpty() || rest.startsWith(":"))) {
                throw new BadValue("destination " + BadValue.quote(text) + " has an unmatched bracket", MEND);
            }
            if (text.substring(1, end).indexOf(':') < 0) {
                throw new BadValue(
                        "destination " + BadValue.quote(text)
                                + " has brackets around something other than an IPv6 address",
                        MEND);
            }
            Network network = Network.parse(text.substring(1, end));
            return new Destination(network, rest.isEmpty() ? Ports.ALL : Ports.parse(rest.substring(1)), origin);
        }
        int colon = text.indexOf(':');
        boolean ipv4WithPorts = colon >= 0 && colon == text.lastIndexOf(':');
        int comma = text.indexOf(',');
        if (comma >= 0 && (!ipv4WithPorts || comma < colon)) {
            throw new BadValue(
                    "destination " + BadValue.quote(text) + " has a comma outside its ports",
                    "write each destination by itself; a comma joins ports only, as in 10.0.0.0/8:80,443");
        }
        int slash = text.indexOf('/');
        if (!ipv4WithPorts && slash >= 0 && text.indexOf(':', slash) >= 0) {
            throw new BadValue(
                    "destination " + BadValue.quote(text) + " has an IPv6 address and ports without brackets",
                    "write it as [fd00::/8]:443");
        }
        if (ipv4WithPorts) {
            return new Destination(
                    Network.parse(text.substring(0, colon)), Ports.parse(text.substring(colon + 1)), origin);
        }
        return new Destination(Network.parse(text), Ports.ALL, origin);
    }

    /** The networks of one family that this destination names. */
    public List<Network> networks(Family family) {
        if (network == null) {
            return List.of(Network.all(family));
        }
        return network.family() == family ? List.of(network) : List.of();
    }

    /** As the plan writes it; {@code any} for everything. */
    @Override
    public String toString() {
        if (network == null) {
            return ports.isAll() ? "any" : ":" + ports;
        }
        if (ports.isAll()) {
            return network.toString();
        }
        return (network.family() == Family.IPV6 ? "[" + network + "]" : network) + ":" + ports;
    }
}
