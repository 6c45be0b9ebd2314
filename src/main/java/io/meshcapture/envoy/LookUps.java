package io.meshcapture.envoy;

import java.util.function.Predicate;

/**
 * What becomes of names of captured services when the running Envoy looks them up.
 *
 * @param asksFile whether its nsswitch.conf has c-ares and getaddrinfo ask the hosts file before DNS
 * @param inFile whether the hosts file that it sees sends a name to Envoy
 * @param inDns whether DNS does, because the server answers out of the hosts file
 */
public record LookUps(boolean asksFile, Predicate<String> inFile, Predicate<String> inDns) {

    /** Hickory goes by no nsswitch.conf, and takes a name with a final dot for the one without. */
    private static final String IGNORES_BOTH = "hickory";

    /** How a cluster's look-up of a name comes back to Envoy. */
    enum Loop {
        NONE,
        /** The hosts file is asked; a final dot helps. */
        FILE,
        /** The hosts file is asked whatever is written; another resolver helps. */
        RESOLVER,
        /** The name server answers out of the hosts file. */
        DNS
    }

    /**
     * How a look-up ends.
     *
     * @param host as it is written, a final dot included
     * @param resolver the extension that looks it up; empty for the default, c-ares
     */
    Loop of(String host, String resolver) {
        boolean dotted = host.endsWith(".");
        String name = dotted ? host.substring(0, host.length() - 1) : host;
        if (resolver.contains(IGNORES_BOTH)) {
            return inFile.test(name) ? Loop.RESOLVER : Loop.NONE;
        }
        if (!dotted && asksFile && inFile.test(name)) {
            return Loop.FILE;
        }
        return inDns.test(name) ? Loop.DNS : Loop.NONE;
    }
}
