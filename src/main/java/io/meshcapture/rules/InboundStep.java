package io.meshcapture.rules;

import io.meshcapture.plan.Ports;
import java.util.SortedSet;
import org.jspecify.annotations.Nullable;

/**
 * One question on the way of a new connection that arrives. A step that does not decide passes the connection on. Those that are
 * asked of what leaves too are in {@link EitherWay}.
 */
public interface InboundStep {

    /** Why it is asked: the comment in the ruleset and the sentence of {@code explain}. At most 128 bytes, no quotes. */
    String why();

    /** Has the reader read it. */
    <R extends @Nullable Object> R read(Reader<R> reader);

    /** Reads any step; see {@link Step.Reader}. */
    interface Reader<R extends @Nullable Object> {
        R otherProtocols(OtherProtocols step);

        R exceptInterfaces(EitherWay.ExceptInterfaces step);

        R withinHost(WithinHost step);

        R elsewhere(Elsewhere step);

        R openConnections(EitherWay.OpenConnections step);

        R linkLocal(EitherWay.LinkLocal step);

        R ipv6Bypass(EitherWay.Ipv6Bypass step);

        R envoysPorts(EnvoysPorts step);

        R portLookup(PortLookup step);

        R otherPorts(OtherPorts step);
    }

    /** Protocols that are never captured. */
    record OtherProtocols() implements InboundStep {
        @Override
        public String why() {
            return "only TCP is captured";
        }

        @Override
        public <R extends @Nullable Object> R read(Reader<R> reader) {
            return reader.otherProtocols(this);
        }
    }

    /** What arrives on loopback was opened here, and is decided where it is opened. */
    record WithinHost() implements InboundStep {
        @Override
        public String why() {
            return "connections within this host are not inbound";
        }

        @Override
        public <R extends @Nullable Object> R read(Reader<R> reader) {
            return reader.withinHost(this);
        }
    }

    /** What is forwarded, multicast or broadcast. */
    record Elsewhere() implements InboundStep {
        @Override
        public String why() {
            return "only what is for an address of this host is inbound";
        }

        @Override
        public <R extends @Nullable Object> R read(Reader<R> reader) {
            return reader.elsewhere(this);
        }
    }

    /**
     * The ports of Envoy's own listeners and of its admin address. Captured, such a connection would come to Envoy as one
     * that it has to pass on to this host's port: its outbound or inbound listener would call itself, and an admin
     * interface that listens on loopback alone would be open to everybody.
     *
     * @param ports those of the plan; the listeners of the services, {@link Decision#listeners}, are meant too
     */
    record EnvoysPorts(SortedSet<Integer> ports) implements InboundStep {
        @Override
        public String why() {
            return "Envoy's own listeners are reached as they are";
        }

        @Override
        public <R extends @Nullable Object> R read(Reader<R> reader) {
            return reader.envoysPorts(this);
        }
    }

    /**
     * Look-up by port.
     *
     * @param except the ports that stay direct
     * @param to the ports that are captured; none of them is excepted
     */
    record PortLookup(Ports except, Ports to) implements InboundStep {
        @Override
        public String why() {
            return "inbound ports";
        }

        @Override
        public <R extends @Nullable Object> R read(Reader<R> reader) {
            return reader.portLookup(this);
        }
    }

    /** Ports that the look-up does not know. */
    record OtherPorts() implements InboundStep {
        @Override
        public String why() {
            return "ports that the plan does not name stay direct";
        }

        @Override
        public <R extends @Nullable Object> R read(Reader<R> reader) {
            return reader.otherPorts(this);
        }
    }
}
