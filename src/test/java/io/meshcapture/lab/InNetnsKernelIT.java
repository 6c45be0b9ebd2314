package io.meshcapture.lab;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.atomic.AtomicReference;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.DynamicContainer;
import org.junit.jupiter.api.DynamicNode;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.RepeatedTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Every kind of test runs in namespaces of its own, and the machine does not notice. */
class InNetnsKernelIT {
    private static String machineBefore = "";

    @BeforeAll
    static void look_at_the_machine() throws Exception {
        machineBefore = machine();
    }

    @AfterAll
    static void the_machine_is_as_it_was() throws Exception {
        assertEquals(machineBefore, machine());
        Await.until(
                Duration.ofSeconds(5),
                "all threads to be in the machine's namespace",
                () -> namespacesOfThreads().size() == 1);
    }

    @InNetns
    @Nested
    class EveryKindOfTest {
        private @Nullable String before;

        @BeforeEach
        void runs_inside_too() {
            assertTrue(Kernel.inNamespaceOfItsOwn());
            before = Kernel.netns();
        }

        @AfterEach
        void runs_inside_as_well() {
            assertEquals(before, Kernel.netns());
        }

        @Test
        void plain() {
            assertFresh(before);
        }

        @ParameterizedTest
        @ValueSource(ints = {1, 2, 3})
        void parameterized(int number) {
            assertTrue(number > 0);
            assertFresh(before);
        }

        @RepeatedTest(3)
        void repeated() {
            assertFresh(before);
        }

        @TestFactory
        Stream<DynamicNode> dynamic() {
            assertFresh(before);
            String factory = Kernel.netns();
            return Stream.of("one", "two").map(name -> {
                assertEquals(factory, Kernel.netns());
                return DynamicContainer.dynamicContainer(
                        name, Stream.of("a", "b").map(inner -> {
                            assertEquals(factory, Kernel.netns());
                            return DynamicTest.dynamicTest(inner, () -> assertEquals(factory, Kernel.netns()));
                        }));
            });
        }

        private static void assertFresh(@Nullable String before) {
            assertTrue(Kernel.inNamespaceOfItsOwn());
            assertEquals(before, Kernel.netns());
            assertEquals(
                    Kernel.netns(),
                    Run.command("readlink", "/proc/self/ns/net").orFail().strip());
            assertEquals("", Run.command("nft", "list", "ruleset").orFail());
        }
    }

    @Nested
    class OnOneMethodOnly {
        @Test
        @InNetns
        void marked() {
            assertTrue(Kernel.inNamespaceOfItsOwn());
        }

        @Test
        void unmarked_is_refused_the_tools_of_the_laboratory() {
            assertFalse(Kernel.inNamespaceOfItsOwn());
            assertThrows(IllegalStateException.class, () -> Run.command("true"));
            assertThrows(IllegalStateException.class, () -> NativeSocket.tcp(Endpoint.AF_INET, Identity.ENVOY));
            assertThrows(IllegalStateException.class, () -> Wire.sysctl("net.ipv4.ip_forward", "0"));
            assertThrows(IllegalStateException.class, () -> Mounts.cover(Path.of("/etc/hosts"), ""));
        }
    }

    @Test
    @InNetns
    void files_and_named_namespaces_are_the_tests_own(Lab lab) throws Exception {
        lab.file("/etc/hosts", "127.0.0.1 only-in-the-test\n");
        lab.file("/etc/resolv.conf", "nameserver 10.99.0.1\n");
        assertEquals(
                "127.0.0.1 only-in-the-test\n", Run.command("cat", "/etc/hosts").orFail());
        assertEquals("nameserver 10.99.0.1\n", Files.readString(Path.of("/etc/resolv.conf")));
        Run.command("ip", "netns", "add", "only-in-the-test").orFail();
        assertEquals("only-in-the-test\n", Run.command("ip", "netns").orFail());
        assertTrue(Files.exists(Path.of("/sys/fs/cgroup/cgroup.controllers")));
        lab.cgroup("meshcapture-lab-" + ProcessHandle.current().pid() + ".slice/gone-after-the-test.service");
    }

    @Test
    void what_a_test_throws_arrives_unchanged() throws Throwable {
        var thrown = new AssertionError("as it was");
        try (NetnsThread thread = NetnsThread.forTest("throwing")) {
            assertEquals(
                    thrown,
                    assertThrows(
                            AssertionError.class,
                            () -> thread.call(() -> {
                                throw thrown;
                            })));
        }
    }

    @Test
    void time_limit_ends_the_test_and_says_where_it_was() throws Throwable {
        try (NetnsThread thread = NetnsThread.forTest("waiting")) {
            var caught = new AtomicReference<@Nullable Throwable>();
            Thread junit = Thread.ofPlatform().start(() -> {
                try {
                    thread.call(InNetnsKernelIT::sleepLong);
                } catch (Throwable e) {
                    caught.set(e);
                }
            });
            Await.until(Duration.ofSeconds(5), "the test to wait", () -> junit.getState() == Thread.State.WAITING);
            junit.interrupt();
            junit.join(Duration.ofSeconds(10));
            Throwable why = caught.get();
            assertTrue(why instanceof InterruptedException, () -> "" + why);
            assertTrue(why != null && why.getSuppressed().length > 0);
        }
    }

    @Test
    void user_without_the_privilege_gets_a_failure_that_says_what_to_do() throws Throwable {
        NetnsThread.forTest("as root, so that all classes are there").close();
        var caught = new AtomicReference<@Nullable Throwable>();
        // a thread inherits the identity of the one that starts it
        Identity.APPLICATION.run(() -> {
            try {
                NetnsThread.forTest("as somebody").close();
            } catch (Throwable e) {
                caught.set(e);
            }
            return 0;
        });
        Throwable why = caught.get();
        assertTrue(why != null && String.valueOf(why.getMessage()).contains("run the tests as root"), () -> "" + why);
    }

    @InNetns
    @Nested
    class TwentyTests {
        private static long started;

        @BeforeAll
        static void start() {
            started = System.nanoTime();
        }

        @RepeatedTest(20)
        void each_with_a_world_and_a_connection(Lab lab) {
            lab.server(8080);
            assertEquals(new Verdict.Direct("8.8.8.8:8080"), lab.caller().connect("8.8.8.8:8080"));
        }

        /** About one second on a machine with nothing else to do; the limit allows for a busy one. */
        @AfterAll
        static void take_seconds_not_minutes() {
            long milliseconds = (System.nanoTime() - started) / 1_000_000;
            System.out.println("20 tests with a laboratory each: " + milliseconds + " ms");
            assertTrue(milliseconds < 10_000, () -> milliseconds + " ms");
        }
    }

    @Test
    @InNetns
    void namespaces_of_app_and_srv_differ(Lab lab) {
        assertNotEquals(Kernel.netns(), lab.inSrv(Kernel::netns));
    }

    private static String sleepLong() throws InterruptedException {
        Thread.sleep(Duration.ofMinutes(1));
        return "";
    }

    /** What a test could leave behind, as far as others who work on this machine do not change it all the time. */
    private static String machine() throws Exception {
        return outside("nft", "-s", "list", "ruleset")
                + outside("sh", "-c", "ls /run/netns | grep only-in-the-test")
                + outside(
                        "find",
                        "/sys/fs/cgroup",
                        "-name",
                        "*meshcapture-lab-" + ProcessHandle.current().pid() + "*")
                + Files.readString(Path.of("/proc/self/mountinfo"))
                + Files.readString(Path.of("/proc/self/cgroup"))
                + Files.readString(Path.of("/etc/hosts"));
    }

    private static String outside(String... command) throws IOException, InterruptedException {
        Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
        String said = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        process.waitFor();
        return said;
    }

    /**
     * Threads that the JVM starts when it needs one more and keeps for a while, in the namespace of whoever happened to be
     * the reason.
     */
    private static final List<String> OF_THE_JVM =
            List.of("process reaper", "jnr.ffi", "C1 ", "C2 ", "GC ", "G1 ", "ForkJoinPool", "Common-Cleaner");

    private static Set<String> namespacesOfThreads() {
        var all = new TreeSet<String>();
        try (var threads = Files.list(Path.of("/proc/self/task"))) {
            for (Path thread : threads.toList()) {
                try {
                    String name = Files.readString(thread.resolve("comm"));
                    if (OF_THE_JVM.stream().noneMatch(name::startsWith)) {
                        all.add(Files.readSymbolicLink(thread.resolve("ns/net")).toString());
                    }
                } catch (IOException e) {
                    // the thread has ended since it was listed
                }
            }
        } catch (IOException e) {
            throw new IllegalStateException(e);
        }
        return all;
    }
}
