package io.meshcapture.plan;

/**
 * Capture of connections that arrive at this host.
 *
 * @param mode how they reach Envoy
 * @param to the ports that are captured
 * @param except the ports that are not
 * @param exceptEnvoy whether the ports that Envoy itself serves are excepted too
 */
public record Inbound(Choices.InboundMode mode, Ports to, Ports except, boolean exceptEnvoy) {}
