package io.meshcapture.cli;

import io.meshcapture.failure.Failure;
import io.meshcapture.plan.Address;
import io.meshcapture.plan.BadValue;
import io.meshcapture.plan.HostPort;
import io.meshcapture.verbs.Explain;
import io.meshcapture.verbs.Place;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Model.PositionalParamSpec;

/**
 * What people type for a destination: {@code 10.0.0.5:443}, {@code payments.internal:443},
 * {@code https://payments.internal/v1}.
 *
 * @param host an address without brackets, or a name
 * @param port the port
 * @param isName whether the host has to be looked up
 */
record DestinationText(String host, int port, boolean isName) {

    /** Ports of URL schemes (IANA). */
    private static final Map<String, Integer> SCHEMES =
            Map.of("http", 80, "https", 443, "ws", 80, "wss", 443, "dns", 53, "redis", 6379, "postgres", 5432);

    private static final String MEND =
            "write ADDRESS:PORT, NAME:PORT or a URL, such as 10.0.0.5:443, [fd00::5]:443 or http://catalog/";

    /** What commands ask that take one. */
    static void declare(CommandSpec spec, String more) {
        spec.addPositional(PositionalParamSpec.builder()
                .paramLabel("DESTINATION")
                .arity("1")
                .type(String.class)
                .description("ADDRESS:PORT, NAME:PORT or a URL; an IPv6 address stands in brackets" + more)
                .build());
        spec.addOption(GlobalOptions.flag("UDP instead of TCP", "--udp"));
        spec.addOption(GlobalOptions.flag("connections that arrive from elsewhere, to this host", "--inbound"));
    }

    static DestinationText parse(String text) throws BadValue {
        if (text.isEmpty()) {
            throw new BadValue("no destination is given", MEND);
        }
        int scheme = text.indexOf("://");
        HostPort found = HostPort.parse(scheme < 0 ? text : authority(text, scheme), MEND);
        return new DestinationText(found.host(), found.port().number(), !found.isAddress());
    }

    private static String authority(String text, int scheme) throws BadValue {
        String rest = text.substring(scheme + 3);
        int end = 0;
        while (end < rest.length() && "/?#".indexOf(rest.charAt(end)) < 0) {
            end++;
        }
        String authority = rest.substring(0, end);
        authority = authority.substring(authority.indexOf('@') + 1); // a user, RFC 3986 section 3.2.1
        int colon = authority.lastIndexOf(':');
        boolean hasPort = colon > authority.lastIndexOf(']');
        if (hasPort) {
            return authority;
        }
        String name = text.substring(0, scheme).toLowerCase(Locale.ROOT);
        Integer port = SCHEMES.get(name);
        if (port == null) {
            throw new BadValue("the port of " + BadValue.quote(name) + " is not known", "write the port too");
        }
        return authority + ":" + port;
    }

    /** The addresses that a connection to it may go to: those that its name has, or its own. */
    List<Address> addresses(Place place, @Nullable Long pid) throws Exception {
        try {
            return isName ? Explain.addresses(place, pid, host) : List.of(Address.parse(host));
        } catch (BadValue e) {
            throw new Failure.Invalid(e.what(), "command line", e.mend());
        }
    }
}
