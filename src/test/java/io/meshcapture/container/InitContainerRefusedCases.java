package io.meshcapture.container;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.github.dockerjava.api.exception.DockerException;
import com.github.dockerjava.api.model.Capability;
import io.meshcapture.container.Pod.Ending;
import io.meshcapture.container.Pod.InitRun;
import java.util.List;
import java.util.Map;
import java.util.function.UnaryOperator;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;

/** Where the init image cannot capture, the exit code and the termination message say why; or it does as well as can be. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
@SuppressWarnings("NullAway.Init")
abstract class InitContainerRefusedCases {
    private static final List<String> ARGUMENTS = List.of("apply", "--envoy-user=1337", "--to=any");
    private static final Capability[] WITH_RAW = {Capability.NET_ADMIN, Capability.NET_RAW};

    /** Everything is allowed but netlink's socket for netfilter, which is refused with an error of one's choice. */
    private static final String WITHOUT_NETFILTER = """
            {"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["socket"], "action": "SCMP_ACT_ERRNO", "errnoRet": %d,
             "args": [{"index": 0, "value": 16, "op": "SCMP_CMP_EQ"}, {"index": 2, "value": 12, "op": "SCMP_CMP_EQ"}]}]}
            """;

    private static final int EPERM = 1;
    private static final int EPROTONOSUPPORT = 93;

    private final Engine engine = Engine.open();
    private Pod pod;

    @BeforeAll
    void start() {
        pod = Pod.start(engine);
    }

    @AfterAll
    void end() {
        pod.close();
    }

    private Ending apply(UnaryOperator<InitRun> how, String... more) {
        return apply(pod, how, more);
    }

    private static Ending apply(Pod pod, UnaryOperator<InitRun> how, String... more) {
        return pod.init(run -> how.apply(
                run.with(Stream.concat(ARGUMENTS.stream(), Stream.of(more)).toArray(String[]::new))));
    }

    /** The kubelet shows the message in a pod's description. */
    private static void assertRefused(int code, String message, Ending ending) {
        assertEquals(new Ending(code, "", "meshcapture: " + message + "\n", message + "\n"), ending);
    }

    @Test
    void whatIsWrongWithTheSettingsIsSaidInOneLineAndAllOfItInTheLog() {
        Ending ending = pod.init(
                run -> run.with("apply").environment("MESHCAPTURE_ENVOY_USER=13 37", "MESHCAPTURE_TO=10.0.0.0/33"));
        assertEquals(2, ending.code(), ending.err());
        String first = "user \"13 37\" is neither a name nor an id; MESHCAPTURE_ENVOY_USER;"
                + " write a name such as envoy or a number such as 1337";
        assertEquals(first + " (and 1 more, see the container's log)\n", ending.message());
        assertTrue(ending.err().contains("\"10.0.0.0/33\""), ending.err());
    }

    @Test
    void aMissingCapabilityIsNamed() {
        String missing = "the privilege CAP_NET_ADMIN is missing; netfilter can neither be read nor changed without it;"
                + " run it with sudo, or in a container add the capability NET_ADMIN";
        assertRefused(4, missing, apply(run -> run.capabilities()));
        assertRefused(4, missing, apply(run -> run.user(65532).capabilities()));
        assertRefused(
                4,
                "the privilege CAP_NET_RAW is missing; iptables-legacy reads and writes through a raw socket, and it is asked"
                        + " where it has tables or is the backend; run it with sudo, or in a container add the capability"
                        + " NET_RAW beside NET_ADMIN",
                apply(run -> run, "--backend=iptables-legacy"));
    }

    @Test
    void theImageWithoutIptablesSaysThatItHasNone() {
        assertRefused(
                4,
                "the backend iptables-nft needs the program iptables-nft-save; it is not installed in /usr/sbin, /sbin,"
                        + " /usr/local/sbin, /usr/bin, /bin; install the package iptables, take the init image that has it,"
                        + " or choose another backend with --backend",
                apply(run -> run.image(Images.INIT_WITHOUT_IPTABLES), "--backend=iptables"));
    }

    @Test
    void thereIsNoShellInTheImage() {
        for (String program : List.of("sh", "/bin/sh", "/usr/bin/env")) {
            DockerException notFound =
                    assertThrows(DockerException.class, () -> pod.init(run -> run.program(program)), program);
            assertTrue(String.valueOf(notFound.getMessage()).contains(program), notFound.getMessage());
        }
    }

    @Test
    void aSeccompProfileThatForbidsNetlinkIsNamed() {
        assertRefused(
                4,
                "netfilter cannot be spoken to from here; a netlink socket for it is refused, as by a seccomp profile or a"
                        + " security module: Operation not permitted; allow socket(AF_NETLINK, SOCK_RAW, NETLINK_NETFILTER), as"
                        + " Docker's own seccomp profile and Kubernetes' RuntimeDefault do",
                apply(run -> run.image(Images.INIT_WITHOUT_IPTABLES).seccomp(WITHOUT_NETFILTER.formatted(EPERM))));
    }

    /** As a kernel answers that has been built without nfnetlink. */
    @Test
    void aKernelWithoutNftablesIsCapturedByIptablesLegacy() {
        try (Pod other = Pod.start(engine)) {
            String profile = WITHOUT_NETFILTER.formatted(EPROTONOSUPPORT);
            Ending raw = apply(other, run -> run.seccomp(profile));
            assertEquals(4, raw.code(), raw.err());
            assertTrue(raw.message().startsWith("the privilege CAP_NET_RAW is missing; "), raw.message());

            Ending applied = apply(other, run -> run.seccomp(profile).capabilities(WITH_RAW));
            assertEquals(0, applied.code(), applied.err());
            assertTrue(applied.err().contains("note: the backend is iptables-legacy, because "), applied.err());
            assertTrue(applied.err().contains("this kernel has no nf_tables"), applied.err());
            Ending again = apply(other, run -> run.seccomp(profile).capabilities(WITH_RAW));
            assertEquals("in sync: 1 service captured, nothing to change\n", again.orFail());
            other.init(run -> run.with("rollback", "--all").seccomp(profile).capabilities(WITH_RAW))
                    .orFail();
        }
    }

    /** In both flavours, as the init containers of the others write them. */
    @Test
    void anotherMeshsRulesAreNamedAndRefusedUnlessAllowed() {
        for (Map.Entry<String, String> other :
                Map.of("nft", "ISTIO_OUTPUT", "legacy", "PROXY_INIT_OUTPUT").entrySet()) {
            try (Pod taken = Pod.start(engine)) {
                String iptables = "/usr/sbin/iptables-" + other.getKey();
                UnaryOperator<InitRun> run =
                        one -> one.with(ARGUMENTS.toArray(String[]::new)).capabilities(WITH_RAW);
                taken.init(one -> one.program(iptables, "-t", "nat", "-N", other.getValue())
                                .capabilities(WITH_RAW))
                        .orFail();
                Ending refused = taken.init(run);
                assertEquals(7, refused.code(), refused.err());
                String what = (other.getKey().equals("nft") ? "Istio" : "Linkerd") + " captures here already, by chain "
                        + other.getValue();
                assertTrue(refused.message().startsWith(what), refused.message());
                assertTrue(refused.message().endsWith(", or insist with --allow-other-mesh\n"), refused.message());
                assertTrue(
                        taken.init(one -> one.with("status").capabilities(WITH_RAW))
                                .orFail()
                                .contains("nothing is captured"),
                        "not touched");

                Ending allowed = taken.init(
                        one -> run.apply(one).with("apply", "--envoy-user=1337", "--to=any", "--allow-other-mesh"));
                assertEquals(0, allowed.code(), allowed.err());
                assertTrue(allowed.err().contains("note: " + what), allowed.err());
                assertEquals(0, taken.init(run).code(), "run again, ours stands already");
            }
        }
    }

    @Test
    void withoutIpv6InThePodIpv4IsCaptured() {
        try (Pod four = Pod.start(engine, Map.of("net.ipv6.conf.all.disable_ipv6", "1"))) {
            four.init(run -> run.with(ARGUMENTS.toArray(String[]::new))).orFail();
            four.startEnvoy();
            assertEquals(List.of("via envoy", "no answer"), four.call("curl"));
            assertEquals(
                    "in sync: 1 service\n",
                    four.init("check", "--envoy-user=1337", "--to=any").orFail());
        }
    }
}
