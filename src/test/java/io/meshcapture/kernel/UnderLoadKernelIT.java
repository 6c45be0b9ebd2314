package io.meshcapture.kernel;

import static io.meshcapture.kernel.Program.ENVOY;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.meshcapture.lab.InNetns;
import io.meshcapture.lab.Lab;
import io.meshcapture.lab.Verdict;
import io.meshcapture.lab.Verdict.Proxied;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** While clients connect as fast as they can, no change lets a connection bypass Envoy, refuses or resets one. */
@InNetns
class UnderLoadKernelIT {
    private static final int CHANGES = 300;

    /** Both of user 1001, whatever the plan: the port says which plan. */
    private static final List<String> SERVERS = List.of("10.99.0.1:8080", "[fd99::1]:8080");

    private static final String ONE = ENVOY + """
            services:
              orders: {from: {user: 1001}}
              steady: {from: {user: 1002}}
            """;

    /** Another listener, exceptions, a service that competes and is asked first, and callers more. */
    private static final String OTHER = ENVOY + """
            except: ["192.0.2.0/24"]
            services:
              first: {from: {user: 1001}, to: [10.99.0.0/24], except: [":5432"], outbound: 15002}
              orders: {from: {user: 1001}, except: [":5432", "203.0.113.0/24"], outbound: 15002}
              steady: {from: {user: 1002}, except: ["203.0.113.0/24"]}
              more: {from: {user: [1003, 1004]}, to: [10.0.0.0/8]}
            """;

    /** As OTHER, asked in another order. */
    private static final String REORDERED = ENVOY + """
            services:
              more: {from: {user: [1003, 1004]}, to: [10.0.0.0/8]}
              orders: {from: {user: 1001}, to: ["10.99.0.1:8000-9000", "[fd99::1]:8080"], except: [10.0.0.0/16], outbound: 15002}
              last: {from: {user: 1001}}
              steady: {from: {user: 1002}, except: ["203.0.113.0/24", "198.51.100.0/24"]}
            """;

    @BeforeEach
    void world(Lab lab) {
        lab.proxy(15001);
        lab.proxy(15002);
    }

    @Test
    void plans_alternate(Lab lab) throws Exception {
        Program.apply(ONE);
        List<String> plans = List.of(OTHER, REORDERED, ONE);
        load(lab, List.of(1001, 1002), turn -> Program.apply(plans.get(turn % plans.size())));
        assertEquals(0, Program.check(ONE).exit());
    }

    @Test
    void services_come_and_go_beside_each_other(Lab lab) throws Exception {
        Program.apply(ONE);
        load(lab, List.of(1001, 1002), turn -> {
            switch (turn % 3) {
                case 0 -> Program.apply(OTHER, "more", "first");
                case 1 -> Program.must(0, Program.run("rollback", "first"));
                default -> Program.must(0, Program.run("rollback", "more"));
            }
        });
    }

    @Test
    void trials_begin_are_confirmed_and_end(Lab lab) throws Exception {
        Program.apply(ONE);
        load(lab, List.of(1001, 1002), turn -> {
            switch (turn % 4) {
                case 0 -> Program.apply(OTHER, "--confirm-within", "60s");
                case 1 -> Program.must(0, Program.run("confirm"));
                case 2 -> Program.apply(ONE, "--confirm-within", "60s");
                default -> Program.must(0, Program.run("rollback", "--trial"));
            }
        });
    }

    private interface Changing {
        void change(int turn);
    }

    private static void load(Lab lab, List<Integer> users, Changing changing) throws InterruptedException {
        var over = new AtomicBoolean();
        var captured = new AtomicInteger();
        var listeners = new ConcurrentLinkedQueue<Integer>();
        var astray = new ConcurrentLinkedQueue<Verdict>();
        List<Thread> clients = new ArrayList<>();
        for (int uid : users) {
            clients.add(Thread.ofPlatform().daemon().start(() -> {
                var caller = lab.caller().uid(uid).resettingOnClose();
                while (!over.get()) {
                    for (String server : SERVERS) {
                        Verdict verdict = caller.connect(server);
                        if (verdict instanceof Proxied(int listener, String destination)
                                && destination.equals(server)) {
                            captured.incrementAndGet();
                            if (!listeners.contains(listener)) {
                                listeners.add(listener);
                            }
                        } else {
                            astray.add(verdict);
                        }
                    }
                }
            }));
        }
        for (int turn = 0; turn < CHANGES; turn++) {
            changing.change(turn);
        }
        over.set(true);
        for (Thread client : clients) {
            client.join();
        }
        assertEquals(List.of(), List.copyOf(astray), () -> captured + " went where they should");
        assertTrue(captured.get() > 2 * CHANGES, () -> "only " + captured + " connections were made");
        assertTrue(listeners.containsAll(List.of(15001, 15002)), () -> "only " + listeners + " were reached");
    }
}
