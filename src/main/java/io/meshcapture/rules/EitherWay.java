package io.meshcapture.rules;

import io.meshcapture.plan.InterfaceName;
import io.meshcapture.plan.PortRange;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** What is asked in the same words of a connection that leaves and of one that arrives. */
public final class EitherWay {
    private EitherWay() {}

    /** Interfaces that the plan leaves alone; those of what leaves are told by its route. */
    public record ExceptInterfaces(List<InterfaceName> interfaces) implements Step, InboundStep {
        public ExceptInterfaces {
            interfaces = List.copyOf(interfaces);
        }

        @Override
        public String why() {
            return "the plan leaves traffic on these interfaces alone";
        }

        @Override
        public <R extends @Nullable Object> R read(Step.Reader<R> reader) {
            return reader.exceptInterfaces(this);
        }

        @Override
        public <R extends @Nullable Object> R read(InboundStep.Reader<R> reader) {
            return reader.exceptInterfaces(this);
        }
    }

    /**
     * Connections that were open before capture began, or that are answers, of a server here to what arrived or to a client
     * here, and whose packets conntrack does not know: they go on as they are.
     *
     * @param ephemeral the ports that the kernel gives to clients; a packet from another port is a server's answer
     */
    public record OpenConnections(PortRange ephemeral) implements Step, InboundStep {
        @Override
        public String why() {
            return "connections that were already open go on";
        }

        @Override
        public <R extends @Nullable Object> R read(Step.Reader<R> reader) {
            return reader.openConnections(this);
        }

        @Override
        public <R extends @Nullable Object> R read(InboundStep.Reader<R> reader) {
            return reader.openConnections(this);
        }
    }

    /**
     * 169.254.0.0/16 (RFC 3927) and fe80::/10 (RFC 4291): what is for the link stays on it, and a redirect to loopback would
     * lose the interface.
     */
    public record LinkLocal() implements Step, InboundStep {
        @Override
        public String why() {
            return "link-local addresses stay direct";
        }

        @Override
        public <R extends @Nullable Object> R read(Step.Reader<R> reader) {
            return reader.linkLocal(this);
        }

        @Override
        public <R extends @Nullable Object> R read(InboundStep.Reader<R> reader) {
            return reader.linkLocal(this);
        }
    }

    /** IPv6 is left alone. */
    public record Ipv6Bypass() implements Step, InboundStep {
        @Override
        public String why() {
            return "IPv6 is not captured";
        }

        @Override
        public <R extends @Nullable Object> R read(Step.Reader<R> reader) {
            return reader.ipv6Bypass(this);
        }

        @Override
        public <R extends @Nullable Object> R read(InboundStep.Reader<R> reader) {
            return reader.ipv6Bypass(this);
        }
    }
}
