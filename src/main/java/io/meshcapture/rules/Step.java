package io.meshcapture.rules;

import io.meshcapture.plan.Address;
import io.meshcapture.plan.Port;
import io.meshcapture.plan.Rank;
import java.util.List;
import java.util.SortedSet;
import org.jspecify.annotations.Nullable;

/**
 * One question on the way of a new outbound connection. A step that does not decide passes the connection on. Those that are
 * asked of what arrives too are in {@link EitherWay}.
 */
public interface Step {

    /** Why it is asked: the comment in the ruleset and the sentence of {@code explain}. At most 128 bytes, no quotes. */
    String why();

    /** Has the reader read it. */
    <R extends @Nullable Object> R read(Reader<R> reader);

    /**
     * Reads any step. A new kind of step makes every reader incomplete until it is handled. Not a switch over the kinds,
     * because the JVM links such a switch at its first run, 10 ms of every start.
     */
    interface Reader<R extends @Nullable Object> {
        R otherProtocols(OtherProtocols step);

        R exceptInterfaces(EitherWay.ExceptInterfaces step);

        R envoyToItself(EnvoyToItself step);

        R envoyUsers(EnvoyUsers step);

        R envoyGroups(EnvoyGroups step);

        R dns(Dns step);

        R otherDns(OtherDns step);

        R ownAddresses(OwnAddresses step);

        R linkLocal(EitherWay.LinkLocal step);

        R multicast(Multicast step);

        R broadcast(Broadcast step);

        R ipv6Bypass(EitherWay.Ipv6Bypass step);

        R openConnections(EitherWay.OpenConnections step);

        R underway(Underway step);

        R lookup(Lookup step);
    }

    /**
     * Protocols that are never captured.
     *
     * @param quicToo whether UDP to port 443 is looked at
     * @param dnsToo whether UDP to port 53 is looked at
     */
    record OtherProtocols(boolean quicToo, boolean dnsToo) implements Step {

        /** Without DNS. */
        public OtherProtocols(boolean quicToo) {
            this(quicToo, false);
        }

        /** Whether a connection to a port is asked about any further. */
        public boolean looksAt(Connection.Protocol protocol, int port) {
            return protocol == Connection.Protocol.TCP || (quicToo && port == 443) || (dnsToo && port == Dns.PORT);
        }

        @Override
        public String why() {
            if (dnsToo) {
                return quicToo
                        ? "only TCP, and UDP to ports 53 and 443, are looked at"
                        : "only TCP, and UDP to port 53, are looked at";
            }
            return quicToo ? "only TCP, and UDP to port 443, are looked at" : "only TCP is captured";
        }

        @Override
        public <R extends @Nullable Object> R read(Reader<R> reader) {
            return reader.otherProtocols(this);
        }
    }

    /**
     * Envoy's calls to an address of this host are inbound, where inbound connections are captured: somebody here calls a
     * service that runs here too. What Envoy's inbound side passes on must not come back: it calls a loopback address, or
     * from one (127.0.0.6 and ::6, as Istio has it).
     */
    record EnvoyToItself(SortedSet<Long> uids, SortedSet<Long> gids) implements Step {
        @Override
        public String why() {
            return "Envoy's calls to this host's own addresses are inbound";
        }

        @Override
        public <R extends @Nullable Object> R read(Reader<R> reader) {
            return reader.envoyToItself(this);
        }
    }

    /** Envoy's own traffic, by user: capturing it would be a loop. */
    record EnvoyUsers(SortedSet<Long> uids) implements Step {
        @Override
        public String why() {
            return "Envoy's own traffic, by user, is never captured";
        }

        @Override
        public <R extends @Nullable Object> R read(Reader<R> reader) {
            return reader.envoyUsers(this);
        }
    }

    /** Envoy's own traffic, by group. */
    record EnvoyGroups(SortedSet<Long> gids) implements Step {
        @Override
        public String why() {
            return "Envoy's own traffic, by group, is never captured";
        }

        @Override
        public <R extends @Nullable Object> R read(Reader<R> reader) {
            return reader.envoyGroups(this);
        }
    }

    /**
     * DNS, over UDP and TCP. It is asked before the host's own and link-local addresses, because resolvers live there: 127.0.0.53 is
     * systemd-resolved, 127.0.0.11 Docker, 169.254.20.10 the cache of a Kubernetes node. It holds for every caller but
     * Envoy, whatever the services' {@code from} say: most callers leave the query to a resolver that they share, so that
     * nobody could say whose it is, and a name means the same to all.
     *
     * @param any whether every server is meant; then there are none in {@code servers}
     * @param servers the servers that are meant
     * @param listener Envoy's listener for DNS
     */
    record Dns(boolean any, SortedSet<Address> servers, Port listener) implements Step {

        /** Where servers listen (RFC 1035 section 4.2). */
        public static final int PORT = 53;

        /** The conntrack zone of captured queries over UDP. */
        public static final int ZONE = 53;

        /**
         * Whether a connection is captured. An IPv6 link-local server never is: its client is bound to the interface, and a
         * redirect to loopback would lose the packet.
         */
        public boolean captures(Connection connection) {
            Address server = connection.destination();
            return connection.port() == PORT
                    && (any ? !AlwaysDirect.isIpv6LinkLocal(server) : servers.contains(server));
        }

        @Override
        public String why() {
            return any ? "DNS goes to Envoy, whichever server is asked" : "DNS to these servers goes to Envoy";
        }

        @Override
        public <R extends @Nullable Object> R read(Reader<R> reader) {
            return reader.dns(this);
        }
    }

    /** DNS over UDP that is not captured; no service captures UDP. */
    record OtherDns() implements Step {
        @Override
        public String why() {
            return "DNS over UDP to other servers stays direct";
        }

        @Override
        public <R extends @Nullable Object> R read(Reader<R> reader) {
            return reader.otherDns(this);
        }
    }

    /** Addresses that this host holds, loopback included. */
    record OwnAddresses() implements Step {
        @Override
        public String why() {
            return "loopback and the host's own addresses stay direct";
        }

        @Override
        public <R extends @Nullable Object> R read(Reader<R> reader) {
            return reader.ownAddresses(this);
        }
    }

    /** 224.0.0.0/4 and ff00::/8. */
    record Multicast() implements Step {
        @Override
        public String why() {
            return "multicast stays direct";
        }

        @Override
        public <R extends @Nullable Object> R read(Reader<R> reader) {
            return reader.multicast(this);
        }
    }

    /** 255.255.255.255 and the broadcast address of every attached network. */
    record Broadcast() implements Step {
        @Override
        public String why() {
            return "broadcast stays direct";
        }

        @Override
        public <R extends @Nullable Object> R read(Reader<R> reader) {
            return reader.broadcast(this);
        }
    }

    /**
     * What is forwarded in the middle of a connection, where conntrack does not know it. No socket of this host tells whether
     * it was captured.
     */
    record Underway() implements Step {
        @Override
        public String why() {
            return "forwarded connections that are underway go on";
        }

        @Override
        public <R extends @Nullable Object> R read(Reader<R> reader) {
            return reader.underway(this);
        }
    }

    /**
     * Look-up by caller and destination. No two entries fit the same connection with different outcomes.
     *
     * @param rank the rank of its services, or null for the plan's own exceptions
     * @param layer 1 for the first look-up of its rank
     * @param entries its lines
     */
    record Lookup(@Nullable Rank rank, int layer, List<Entry> entries) implements Step {
        public Lookup {
            entries = List.copyOf(entries);
        }

        @Override
        public String why() {
            return rank == null ? "the plan's own exceptions" : "services by " + rank.label() + ", look-up " + layer;
        }

        @Override
        public <R extends @Nullable Object> R read(Reader<R> reader) {
            return reader.lookup(this);
        }
    }
}
