package io.meshcapture.container;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.github.dockerjava.api.model.Capability;
import io.meshcapture.container.Pod.Ending;
import java.util.List;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The init image, locked as in a pod, captures for containers of other images that share its network namespace. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
@SuppressWarnings("NullAway.Init")
abstract class InitContainerCases {
    private static final String[] APPLY = {"apply", "--envoy-user=1337", "--to=any"};
    private static final List<String> DIRECTLY = List.of("directly", "directly");
    private static final List<String> BY_ENVOY = List.of("via envoy", "via envoy");
    private static final List<String> NO_ANSWER = List.of("no answer", "no answer");
    private static final String CAPTURED = "captured: default\ndone: 1 service captured, IPv6 captured too\n";

    private final Engine engine = Engine.open();
    private Pod pod;

    @BeforeAll
    void start() {
        pod = Pod.start(engine);
        for (String client : Pod.CLIENTS) {
            assertEquals(DIRECTLY, pod.call(client), client);
        }
        Ending beforeEnvoy = pod.init(APPLY);
        assertEquals(
                new Ending(
                        0,
                        CAPTURED,
                        "meshcapture: note: nobody listens on 127.0.0.1:15001, [::1]:15001, so captured connections fail"
                                + " until Envoy does; that is as it should be where Envoy's container starts after this one\n",
                        ""),
                beforeEnvoy);
        assertEquals(NO_ANSWER, pod.call("curl"), "before Envoy is up");
        pod.startEnvoy();
    }

    @AfterEach
    void release() {
        pod.init("rollback", "--all", "--drain=0").orFail();
        assertEquals(DIRECTLY, pod.call("curl"), "after a rollback");
    }

    @AfterAll
    void end() {
        pod.close();
    }

    @Test
    void clientsOfEveryKindGoThroughEnvoyByIpv4AndByIpv6() {
        pod.init(APPLY).orFail();
        for (String client : Pod.CLIENTS) {
            assertEquals(BY_ENVOY, pod.call(client), client);
        }
    }

    @Test
    void theImageWithoutIptablesCapturesAsWell() {
        pod.init(run -> run.image(Images.INIT_WITHOUT_IPTABLES).with(APPLY)).orFail();
        assertEquals(BY_ENVOY, pod.call("curl"));
    }

    @Test
    void aSecondRunHasNothingToDo() {
        pod.init(APPLY).orFail();
        assertEquals(new Ending(0, "in sync: 1 service captured, nothing to change\n", "", ""), pod.init(APPLY));
        assertEquals(new Ending(0, "in sync: 1 service\n", "", ""), pod.init("check", "--envoy-user=1337", "--to=any"));
    }

    @ParameterizedTest
    @ValueSource(strings = {"iptables", "iptables-legacy"})
    void iptablesOfBothFlavoursCapturesToo(String backend) {
        try (Pod other =
                Pod.start(engine)) { // where iptables-legacy has been used, every run is to look into its tables
            other.startEnvoy();
            assertIptablesCaptures(other, backend);
        }
    }

    private static void assertIptablesCaptures(Pod pod, String backend) {
        Ending applied = pod.init(run -> run.with("apply", "--envoy-user=1337", "--to=any", "--backend=" + backend)
                .capabilities(Capability.NET_ADMIN, Capability.NET_RAW));
        assertEquals(CAPTURED, applied.orFail());
        assertEquals(BY_ENVOY, pod.call("curl"));
        Ending status = pod.init(run -> run.with("status").capabilities(Capability.NET_ADMIN, Capability.NET_RAW));
        assertTrue(status.orFail().contains(backend.endsWith("y") ? "iptables-legacy" : "iptables-nft"), status.out());
        pod.init(run -> run.with("rollback", "--all", "--drain=0")
                        .capabilities(Capability.NET_ADMIN, Capability.NET_RAW))
                .orFail();
    }

    /** The image's own command, {@code apply}; nobody gives it an argument. An address as the downward API would tell it. */
    @Test
    void theEnvironmentAloneIsEnough() {
        Ending applied = pod.init(run -> run.environment(
                "MESHCAPTURE_ENVOY_USER=1337", "MESHCAPTURE_TO=any", "MESHCAPTURE_EXCEPT=" + Pod.upstream4()));
        assertEquals(new Ending(0, CAPTURED, "", ""), applied);
        assertEquals(List.of("directly", "via envoy"), pod.call("curl"));
    }

    @Test
    void aPlanFromAConfigMapIsEnoughAndTheEnvironmentSaysMore() {
        Ending applied = pod.init(run -> run.configMap("""
                        version: 1
                        envoy: {user: 1337}
                        services:
                          orders: {to: [10.0.0.0/8]}
                          rest: {to: any}
                        """).environment("MESHCAPTURE_IPV6=bypass"));
        assertEquals(
                new Ending(0, "captured: orders, rest\ndone: 2 services captured, IPv6 left direct\n", "", ""),
                applied);
        assertEquals(List.of("via envoy", "directly"), pod.call("curl"));
    }

    /** By the capabilities of the launcher's file, although no process may gain any: Docker gives what is added to it. */
    @Test
    void anotherUserThanRootCapturesToo() {
        for (String backend : List.of("nftables", "iptables-nft")) {
            Ending applied = pod.init(run -> run.with("apply", "--envoy-user=1337", "--to=any", "--backend=" + backend)
                    .user(65532));
            assertEquals(0, applied.code(), applied.err());
            assertEquals(BY_ENVOY, pod.call("curl"), backend);
        }
    }
}
