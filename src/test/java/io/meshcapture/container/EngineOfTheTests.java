package io.meshcapture.container;

import java.net.URI;
import org.jspecify.annotations.Nullable;
import org.testcontainers.dockerclient.DockerClientProviderStrategy;
import org.testcontainers.dockerclient.TransportConfig;

/** Tells Testcontainers, which finds it as a service, where {@link Engine} is, before it looks anywhere else. */
public final class EngineOfTheTests extends DockerClientProviderStrategy {
    private static volatile @Nullable URI host;

    static void isAt(URI socket) {
        host = socket;
    }

    @Override
    public TransportConfig getTransportConfig() {
        return TransportConfig.builder().dockerHost(host).build();
    }

    @Override
    public String getDescription() {
        return "the tests' own Docker Engine, at " + host;
    }

    @Override
    protected boolean isApplicable() {
        return host != null;
    }

    @Override
    protected int getPriority() {
        return Integer.MAX_VALUE;
    }

    @Override
    protected boolean isPersistable() {
        return false;
    }
}
