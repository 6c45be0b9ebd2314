package io.meshcapture.container;

import java.nio.file.Path;
import org.testcontainers.images.builder.ImageFromDockerfile;

/** What the containers of a {@link Pod} are made from. */
final class Images {
    /** As test-env/init-image names them. */
    static final String INIT = "meshcapture-init:0.1.0";

    static final String INIT_WITHOUT_IPTABLES = INIT + "-without-iptables";

    /** Debian 13 with Envoy, clients that nobody modified, and what they call. */
    static final String CLIENTS = "clients-of-the-tests";

    private static boolean built;

    private Images() {}

    /** Makes them, once for all tests. */
    static synchronized void build(Engine engine) {
        if (built) {
            return;
        }
        engine.load("", "init-image", "with");
        engine.load("", "init-image", "without");
        engine.load("/tools.tar", "kubernetes/node");
        new ImageFromDockerfile(CLIENTS, false)
                .withFileFromPath("get", goClient())
                .withFileFromClasspath("get.py", "io/meshcapture/container/get.py")
                .withFileFromPath("upstream.py", Path.of("test-env/kubernetes/shop/upstream.py"))
                .withFileFromPath("Get.class", Path.of("target/test-classes/io/meshcapture/container/Get.class"))
                .withFileFromString("Dockerfile", """
                        FROM localhost/tools:1
                        COPY --from=%s /opt/meshcapture/lib/runtime /opt/java
                        COPY get get.py upstream.py /opt/
                        COPY Get.class /opt/io/meshcapture/container/
                        """.formatted(INIT))
                .get();
        built = true;
    }

    private static Path goClient() {
        Path program = Path.of("target/clients/get").toAbsolutePath();
        Engine.output(
                "env",
                "CGO_ENABLED=0",
                "GOFLAGS=-mod=mod",
                "go",
                "build",
                "-o",
                program.toString(),
                "test-env/clients/get.go");
        return program;
    }
}
