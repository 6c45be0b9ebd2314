package io.meshcapture.kernel;

import static io.meshcapture.kernel.Program.ENVOY;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.meshcapture.kernel.Killing.Death;
import io.meshcapture.lab.Connection;
import io.meshcapture.lab.Echo;
import io.meshcapture.lab.InNetns;
import io.meshcapture.lab.Iptables;
import io.meshcapture.lab.Lab;
import io.meshcapture.lab.Verdict;
import io.meshcapture.lab.Verdict.Direct;
import io.meshcapture.lab.Verdict.Proxied;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * SIGKILL, and an error, at every start of a program, every write, and every message to the kernel that commits: what stands
 * in each family is what stood before or what was asked for, and whatever command comes next reaches its end. The two
 * families are two transactions, so that one may be further than the other.
 */
@InNetns
@Tag("killed")
class IptablesKilledKernelIT {
    private static final List<String> BOTH = List.of("10.99.0.1:8080", "[fd99::1]:8080");
    private static final Set<String> TOLD = Set.of("execve", "write", "sendmsg", "setsockopt");
    private static final int ENOMEM = 12;

    private static final Map<Integer, Integer> NOTHING = Map.of();
    private static final Map<Integer, Integer> OLD = Map.of(1001, 15001, 1002, 15002);
    private static final Map<Integer, Integer> NEW = Map.of(1001, 15002, 1003, 15001);

    private static final String FOREIGN = """
            *nat
            :THEIRS - [0:0]
            -A THEIRS -p tcp -m tcp --dport 9999 -j RETURN
            -A OUTPUT -p udp -m udp --dport 9998 -j THEIRS
            COMMIT
            *filter
            -A OUTPUT -p udp -m udp --dport 9997 -j ACCEPT
            COMMIT
            """;

    @TempDir
    @SuppressWarnings("NullAway.Init")
    private static Path directory;

    @ParameterizedTest
    @EnumSource
    void first_apply(Iptables flavour, Lab lab) {
        new Stage(flavour, lab).tell(NOTHING, NEW, List.of("apply", "-f", "-"), TOLD);
    }

    @ParameterizedTest
    @EnumSource
    void apply_of_another_plan(Iptables flavour, Lab lab) {
        new Stage(flavour, lab).tell(OLD, NEW, List.of("apply", "-f", "-"), TOLD);
    }

    @ParameterizedTest
    @EnumSource
    void apply_on_trial(Iptables flavour, Lab lab) {
        new Stage(flavour, lab)
                .tell(
                        OLD,
                        NEW,
                        List.of("apply", "-f", "-", "--confirm-within", "10m"),
                        Set.of("execve", "sendmsg", "setsockopt"));
    }

    @ParameterizedTest
    @EnumSource
    void rollback_of_all(Iptables flavour, Lab lab) {
        new Stage(flavour, lab).tell(OLD, NOTHING, List.of("rollback", "--all", "--drain", "0"), TOLD);
    }

    /** What captures is the same before and after, so that nothing may ever be direct. */
    @ParameterizedTest
    @CsvSource({"nftables, iptables-nft", "iptables-nft, iptables-legacy", "iptables-legacy, nftables"})
    void move_to_another_backend(String from, String to, Lab lab) {
        new Stage(from, to, lab).tell(NEW, NEW, List.of("apply", "-f", "-"), Set.of("execve", "sendmsg", "setsockopt"));
    }

    private static String plan(String backend, Map<Integer, Integer> listeners) {
        var plan = new StringBuilder(ENVOY + "backend: " + backend + "\nservices:\n");
        new TreeMap<>(listeners)
                .forEach((user, listener) -> plan.append("  of")
                        .append(user)
                        .append(": {from: {user: ")
                        .append(user)
                        .append("}, outbound: ")
                        .append(listener)
                        .append("}\n"));
        return plan.toString();
    }

    /** The laboratory, in which one death follows the other. */
    private static final class Stage {
        private final String from;
        private final String target;
        private final Lab lab;
        private final Killing killing = Killing.in(directory);
        private final String foreign;
        private final List<Connection> openBefore = new ArrayList<>();
        private final List<String> defects = new ArrayList<>();

        Stage(Iptables flavour, Lab lab) {
            this(backend(flavour), backend(flavour), lab);
        }

        Stage(String from, String target, Lab lab) {
            this.from = from;
            this.target = target;
            this.lab = lab;
            lab.proxy(15001);
            lab.proxy(15002);
            lab.server(8080);
            flavours().forEach(flavour -> flavour.restore4(FOREIGN));
            flavours().forEach(flavour -> flavour.restore6(FOREIGN));
            foreign = stands();
            BOTH.forEach(to -> openBefore.add(lab.caller().uid(1001).open(to)));
        }

        /** Without what is counted, and without tables in which nobody has a rule. */
        private String stands() {
            String saved = flavours()
                    .map(flavour -> flavour.save4() + "\n" + flavour.save6() + "\n")
                    .collect(Collectors.joining());
            return lab.nft().ours()
                    + saved.replaceAll("\\[\\d+:\\d+]", "")
                            .replaceAll("(?m)^\\*\\w+\n(:[A-Z]+ ACCEPT +\n)+COMMIT(\n|$)", "");
        }

        private Stream<Iptables> flavours() {
            return Stream.of(Iptables.values())
                    .filter(flavour -> List.of(from, target).contains(backend(flavour)));
        }

        private static String backend(Iptables flavour) {
            return "iptables-" + flavour.name().toLowerCase(Locale.ROOT);
        }

        void tell(Map<Integer, Integer> before, Map<Integer, Integer> after, List<String> command, Set<String> told) {
            stand(before);
            String plan = command.contains("-f") ? plan(target, after) : "";
            List<String> calls = killing.never(plan, command).calls();
            clear("what is told");
            int points = 0;
            for (int call = calls.indexOf("flock") + 1; call <= calls.size(); call++) {
                if (told.contains(calls.get(call - 1))) {
                    points += killed(call, plan, before, after, command) ? 1 : 0;
                    failed(call, plan, before, after, command);
                }
            }
            assertEquals(List.of(), defects, defects.size() + " half states at " + points + " kill points");
            assertTrue(points >= 2, () -> "of " + calls); // one that commits in each family
            System.out.println(from + " to " + target + ", " + command + ": " + points
                    + " kill points, as many errors, 0 half states");
        }

        private boolean killed(
                int call,
                String plan,
                Map<Integer, Integer> before,
                Map<Integer, Integer> after,
                List<String> command) {
            stand(before);
            Death death = killing.at(call, plan, command);
            String point = "killed at call " + call + " of " + command + " "
                    + death.calls().getLast();
            inEachFamily(point, before, after);
            next(call, point, plan, after, command);
            return death.killed();
        }

        /** An error ends it in what stood before, in both families, or not at all. */
        private void failed(
                int call,
                String plan,
                Map<Integer, Integer> before,
                Map<Integer, Integer> after,
                List<String> command) {
            stand(before);
            Death death = killing.failing(call, ENOMEM, plan, command);
            String point = "error at call " + call + " of " + command + " " + death;
            if (death.exit() == 0) {
                expect(point, BOTH, after);
            } else {
                assertNotEquals("", death.said(), point);
                assertNotEquals(1, death.exit(), point); // that would be a defect of ours
                inEachFamily(point, before, after);
            }
            next(call, point, plan, after, command);
        }

        private void inEachFamily(String point, Map<Integer, Integer> before, Map<Integer, Integer> after) {
            for (String to : BOTH) {
                Map<Integer, Verdict> observed = observed(to);
                if (!observed.equals(expected(to, before)) && !observed.equals(expected(to, after))) {
                    defects.add(point + ": " + observed);
                }
            }
            echoes(point);
        }

        private void next(int call, String point, String plan, Map<Integer, Integer> after, List<String> command) {
            if (call % 2 == 0) {
                var again = Program.reading(plan).run(command.toArray(String[]::new));
                if (again.exit() != 0) {
                    defects.add(point + ", then the same again: " + again.err());
                }
                expect(point + ", then the same again", BOTH, after);
            }
            clear(point);
        }

        private void clear(String point) {
            Program.must(0, Program.run("rollback", "--all", "--drain", "0"));
            expect(point + ", then rollback --all", BOTH, NOTHING);
            String stands = stands();
            if (!stands.equals(foreign)) {
                defects.add(point + ", then rollback --all leaves " + stands);
            }
            echoes(point);
        }

        private void echoes(String point) {
            for (Connection open : openBefore) {
                Echo answer = open.echo("still");
                if (!answer.equals(Echo.ANSWERED)) {
                    defects.add(point + ": a connection that was open is " + answer);
                }
            }
        }

        private void stand(Map<Integer, Integer> listeners) {
            if (!listeners.isEmpty()) {
                Program.apply(plan(from, listeners));
            }
        }

        private void expect(String point, List<String> servers, Map<Integer, Integer> listeners) {
            for (String to : servers) {
                Map<Integer, Verdict> observed = observed(to);
                if (!observed.equals(expected(to, listeners))) {
                    defects.add(point + ": " + observed);
                }
            }
        }

        private Map<Integer, Verdict> observed(String to) {
            var verdicts = new TreeMap<Integer, Verdict>();
            for (int user : List.of(1001, 1002, 1003)) {
                verdicts.put(user, lab.caller().uid(user).connect(to));
            }
            return verdicts;
        }

        private static Map<Integer, Verdict> expected(String to, Map<Integer, Integer> listeners) {
            var verdicts = new TreeMap<Integer, Verdict>();
            for (int user : List.of(1001, 1002, 1003)) {
                Integer listener = listeners.get(user);
                verdicts.put(user, listener == null ? new Direct(to) : new Proxied(listener, to));
            }
            return verdicts;
        }
    }
}
