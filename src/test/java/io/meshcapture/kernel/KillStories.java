package io.meshcapture.kernel;

import static io.meshcapture.kernel.Program.ENVOY;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.meshcapture.kernel.Killing.Death;
import io.meshcapture.lab.Connection;
import io.meshcapture.lab.Echo;
import io.meshcapture.lab.Identity;
import io.meshcapture.lab.Lab;
import io.meshcapture.lab.Meshcapture.Outcome;
import io.meshcapture.lab.Verdict;
import io.meshcapture.lab.Verdict.Direct;
import io.meshcapture.lab.Verdict.Proxied;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.io.TempDir;

/** Stories of commands that are killed, what may stand afterwards, and the stage on which they are told. */
abstract class KillStories {
    private static final List<String> BOTH = List.of("10.99.0.1:8080", "[fd99::1]:8080");
    private static final List<String> OWN = List.of("10.99.0.2:9090", "[fd99::2]:9090");
    private static final List<String> NAME_SERVERS = List.of("10.99.0.1:53", "[fd99::1]:53");
    private static final List<String> EXCEPTED_LATER = List.of("192.0.2.9:8080", "[2001:db8::9]:8080");
    private static final List<Integer> USERS = List.of(1001, 1002, 1003, 1004, 1005);

    /** After which a rollback may cut captured connections, and not before, unless it is told 0. */
    static final Duration DRAIN = Duration.ofMillis(300);

    /** Somebody else's, with counts that only they may change; nothing here uses conntrack. */
    private static final String FOREIGN = """
            table inet theirs {
              counter seen { packets 41 bytes 2460 }
              chain out {
                type filter hook output priority 50
                tcp dport 99 counter packets 7 bytes 420 comment "theirs"
              }
            }
            table ip meshcapture-not {
              set kept { type inet_service; elements = { 1, 2 }; }
            }
            """;

    /** How connections go while this plan is in force. */
    record Side(String name, String plan, Map<String, Verdict> verdicts) {
        boolean capturesAny() {
            return verdicts.values().stream().anyMatch(verdict -> verdict instanceof Proxied);
        }
    }

    static final Side NOTHING = side("nothing captured", "services: {}\n", Map.of(), false);

    static final Side OLD =
            side("the old plan", """
            services:
              orders: {from: {user: 1001}}
              ledger: {from: {user: 1002}, outbound: 15002}
              alpha: {from: {user: 1003}, to: [":8080", ":9090"]}
              beta: {from: {user: 1003}, to: [10.99.0.0/16, "[fd99::/16]"], outbound: 15002}
              leaving: {from: {user: 1004}}
            """, Map.of(1001, 15001, 1002, 15002, 1003, 15001, 1004, 15001), false);

    /** An exception more, another listener, two that compete in another order, one gone, one come. */
    static final Side NEW = side("the new plan", """
            services:
              orders: {from: {user: 1001}, except: [192.0.2.0/24, "[2001:db8::/32]"]}
              ledger: {from: {user: 1002}}
              beta: {from: {user: 1003}, to: [10.99.0.0/16, "[fd99::/16]"], outbound: 15002}
              alpha: {from: {user: 1003}, to: [":8080", ":9090"]}
              coming: {from: {user: 1005}, outbound: 15002}
            """, Map.of(1001, 15001, 1002, 15001, 1003, 15002, 1005, 15002), true);

    /** What arrives and DNS beside the services of the old plan. */
    static final Side ALL_TRAFFIC = allTraffic(OLD);

    static final Side WITHOUT_ORDERS = side(
            "the old plan without orders",
            OLD.plan.substring(ENVOY.length()).replaceAll(" *orders.*\n", ""),
            Map.of(1002, 15002, 1003, 15001, 1004, 15001),
            true);

    @TempDir
    @SuppressWarnings("NullAway.Init")
    private static Path directory;

    /** A command that is killed, what stands before, for good and on trial, and what may stand afterwards. */
    record Story(
            Side confirmed, @Nullable Side tried, @Nullable Earlier earlier, Side after, List<String> command) {

        Story(Side before, @Nullable Earlier earlier, Side after, List<String> command) {
            this(before, null, earlier, after, command);
        }

        Side before() {
            return tried == null ? confirmed : tried;
        }

        String plan() {
            return command.contains("-f") ? after.plan : "";
        }

        /** Whether it ends the captured connections that are looked at, when its time is over. */
        boolean cuts() {
            return command.contains("--all") || command.contains("orders");
        }

        /** Up to its lock every command is the same; one story is enough for that. */
        boolean isKilledBeforeTheLock() {
            return confirmed.equals(NOTHING) && command.equals(apply());
        }

        /** Stories that begin with another's middle are told in steps of two calls: the first of it was told there. */
        int stride() {
            return earlier == null ? 1 : Integer.getInteger("kills.stride", 2);
        }

        boolean mayCutAfter(Duration time) {
            return cuts() && (command.contains("0") || time.compareTo(DRAIN) >= 0);
        }
    }

    /** A command that was killed already when that of the story begins. */
    record Earlier(List<String> command, Side asked, boolean afterItsFirstTransaction) {
        String plan() {
            return command.contains("-f") ? asked.plan : "";
        }
    }

    static List<String> onTrial() {
        return List.of("apply", "-f", "-", "--confirm-within", "10m");
    }

    static List<String> apply() {
        return List.of("apply", "-f", "-");
    }

    private static Side side(String name, String services, Map<Integer, Integer> listeners, boolean excepted) {
        var verdicts = new LinkedHashMap<String, Verdict>();
        for (int user : USERS) {
            for (String to : BOTH) {
                verdicts.put(user + " to " + to, verdict(to, listeners.get(user)));
            }
        }
        for (String to : EXCEPTED_LATER) {
            verdicts.put("1001 to " + to, verdict(to, excepted ? null : listeners.get(1001)));
        }
        OWN.forEach(own -> verdicts.put("somebody elsewhere to " + own, new Direct(own)));
        NAME_SERVERS.forEach(server -> verdicts.put("a query to " + server, new Direct(server)));
        return new Side(name, ENVOY + services, verdicts);
    }

    private static Side allTraffic(Side side) {
        var verdicts = new LinkedHashMap<>(side.verdicts);
        OWN.forEach(own -> verdicts.put("somebody elsewhere to " + own, new Proxied(15006, own)));
        NAME_SERVERS.forEach(server -> verdicts.put("a query to " + server, new Proxied(15053, Proxied.UNKNOWN)));
        String plan = side.plan.replace("user: 1337", "user: 1337, inbound: 15006, dns: 15053")
                + "dns: {servers: [10.99.0.1, \"fd99::1\"]}\n";
        return new Side(side.name + " with all traffic", plan, verdicts);
    }

    private static Verdict verdict(String to, @Nullable Integer listener) {
        return listener == null ? new Direct(to) : new Proxied(listener, to);
    }

    /** The laboratory, in which one death follows the other. */
    static final class Stage {
        private final Lab lab;
        private final Killing killing = Killing.in(directory);
        private final String foreign;
        private final List<Connection> openBefore = new ArrayList<>();
        private final Connection idle;
        private final List<String> defects = new ArrayList<>();
        private int halves;
        private int callOfEarlier;

        Stage(Lab lab) {
            this.lab = lab;
            lab.proxy(15001);
            lab.proxy(15002);
            lab.proxyAt(Identity.ENVOY, "0.0.0.0:15006", "[::]:15006");
            lab.proxy(15053);
            lab.udpProxy(15053);
            lab.server(8080);
            lab.localServer(9090);
            lab.udpServerAt(NAME_SERVERS.toArray(String[]::new));
            lab.nft().apply(FOREIGN);
            foreign = lab.nft().list();
            BOTH.forEach(to -> openBefore.add(lab.caller().uid(1001).open(to)));
            openBefore.add(lab.caller().uid(1001).v4Mapped().open(BOTH.getFirst()));
            idle = lab.caller().uid(1002).open(BOTH.getLast());
        }

        void killAtEveryCall(Story story) {
            callOfEarlier = story.earlier == null ? 0 : callOf(story, story.earlier);
            int call = story.isKilledBeforeTheLock() ? 0 : callsBeforeTheLock(story);
            int points = 0;
            var seen = new HashSet<String>();
            Death death;
            do {
                call += story.stride();
                death = killAt(call, story, seen);
                points += death.killed() ? 1 : 0;
            } while (death.killed());
            assertEquals(0, death.exit(), death::said);
            assertEquals(List.of(), defects, halves + " half states at " + points + " kill points");
            assertEquals(Echo.ANSWERED, idle.echo("after all"));
            // a test that kills nothing, or only where nothing has happened yet, proves nothing
            assertTrue(points >= death.sends() / story.stride() && death.sends() > 0, death::toString);
            assertTrue(seen.contains(story.after.name), seen::toString);
            assertTrue(story.earlier != null || seen.contains(story.before().name), seen::toString);
            System.out.println(
                    points + " kill points, " + death.sends() + " of them at messages to the kernel, 0 half states");
        }

        private Death killAt(int call, Story story, Set<String> seen) {
            stand(story);
            List<Connection> captured = story.before().capturesAny() ? openCaptured() : List.of();
            List<Side> allowed = new ArrayList<>(List.of(story.before()));
            Earlier earlier = story.earlier;
            if (earlier != null) {
                Death death = killing.at(callOfEarlier, earlier.plan(), earlier.command);
                assertTrue(death.killed(), death::toString);
                allowed.add(earlier.asked);
            }
            allowed.add(story.after);
            long start = System.nanoTime();
            Death death = killing.at(call, story.plan(), story.command);
            Duration took = Duration.ofNanos(System.nanoTime() - start);
            String point = "call " + call + " (" + death.calls().getLast() + ") of " + story.command + ": ";
            Side stands = observed(point, death.killed() ? allowed : List.of(story.after));
            seen.add(stands.name);
            if (!story.mayCutAfter(took)) {
                echoes(point, captured);
            }
            echoes(point, openBefore);
            if (death.killed()) {
                next(call, point, story, stands, captured);
            }
            captured.forEach(Connection::close);
            must(point, Program.run("rollback", "--all", "--drain", "0"));
            same(point + "after rollback --all", foreign, lab.nft().list());
            observed(point, List.of(NOTHING));
            // some thousand connections later the kernel draws the same ports again, and what it remembers of a
            // connection
            // that an earlier death captured would be taken for what this one left behind
            lab.conntrack().flush();
            echoes(point, openBefore);
            return death;
        }

        private static void stand(Story story) {
            if (story.confirmed.capturesAny()) {
                Program.apply(story.confirmed.plan);
            }
            if (story.tried != null) {
                Program.apply(story.tried.plan, "--confirm-within", "10m");
            }
        }

        private List<Connection> openCaptured() {
            List<Connection> captured =
                    BOTH.stream().map(lab.caller().uid(1001)::open).toList();
            captured.forEach(open -> assertTrue(open.verdict() instanceof Proxied));
            return Stream.concat(
                            captured.stream(),
                            Stream.of(lab.caller().as(Identity.ENVOY).open(BOTH.getFirst())))
                    .toList();
        }

        private int callsBeforeTheLock(Story story) {
            return Math.max(
                    0, wholeOf(story, story.plan(), story.command).calls().indexOf("flock"));
        }

        /** The number of the call at which the earlier command is killed: one run of it to the end tells its transactions. */
        private int callOf(Story story, Earlier earlier) {
            Death whole = wholeOf(story, earlier.plan(), withoutDrain(earlier.command));
            assertTrue(whole.lastCommit() > 0, whole::toString);
            return earlier.afterItsFirstTransaction ? whole.firstCommit() + 1 : whole.lastCommit();
        }

        private Death wholeOf(Story story, String plan, List<String> command) {
            stand(story);
            Death whole = killing.never(plan, command);
            Program.rollback("--all");
            return whole;
        }

        private static List<String> withoutDrain(List<String> command) {
            return command.stream().map(word -> word.equals("10s") ? "0" : word).toList();
        }

        /** Each third death is followed by check, by the same command again, or by rollback --all, which comes anyway. */
        private void next(int call, String point, Story story, Side stands, List<Connection> captured) {
            switch (call % 3) {
                case 0 -> {
                    var inSync = new ArrayList<Side>();
                    for (Side side : new HashSet<>(List.of(story.before(), story.after))) {
                        Outcome outcome = Program.check(side.plan);
                        if (outcome.exit() == 0) {
                            inSync.add(side);
                        } else if (outcome.exit() != 3
                                || !(outcome.out().contains("drift: ")
                                        || outcome.out().contains("not captured: nothing of the plan stands here"))) {
                            defects.add(point + "check says " + outcome);
                        }
                    }
                    if (!inSync.isEmpty() && !inSync.equals(List.of(stands))) {
                        defects.add(point + "check says in sync with " + inSync.getFirst().name
                                + ", but connections go by " + stands.name);
                    }
                }
                case 1 -> {
                    Outcome again = Program.reading(story.plan()).run(withoutWaiting(story.command));
                    must(point, again);
                    observed(point + "and run again, ", List.of(story.after));
                    Outcome check = Program.check(story.after.plan);
                    if (check.exit() != 0) {
                        defects.add(point + "and run again, check says " + check);
                    }
                    if (story.after.capturesAny() && !story.cuts()) {
                        echoes(point + "and run again, ", captured);
                    }
                }
                default -> {}
            }
        }

        private static String[] withoutWaiting(List<String> command) {
            return command.stream()
                    .map(word -> word.endsWith("ms") ? "0" : word)
                    .toArray(String[]::new);
        }

        /** Which of them it is; what is none of them is half of one. */
        private Side observed(String point, List<Side> allowed) {
            var verdicts = new LinkedHashMap<String, Verdict>();
            NOTHING.verdicts.keySet().forEach(probe -> {
                String[] words = probe.split(" to ", 2);
                verdicts.put(probe, verdict(words[0], words[1]));
            });
            for (Side side : allowed) {
                if (side.verdicts.equals(verdicts)) {
                    return side;
                }
            }
            halves++;
            Side nearest = allowed.getLast();
            var differing = new LinkedHashMap<>(verdicts);
            differing.entrySet().removeAll(nearest.verdicts.entrySet());
            defects.add(point + "half: not as by " + nearest.name + ": " + differing);
            return nearest;
        }

        private Verdict verdict(String who, String to) {
            return switch (who) {
                case "somebody elsewhere" -> lab.inSrv(() -> lab.caller().connect(to));
                case "a query" -> lab.caller().uid(1001).udp(to);
                default -> lab.caller().uid(Integer.parseInt(who)).connect(to);
            };
        }

        private void echoes(String point, List<Connection> open) {
            for (Connection each : open) {
                Echo echo = each.echo("still there?");
                if (echo != Echo.ANSWERED) {
                    defects.add(point + each.local() + " was open before and is now " + echo);
                }
            }
        }

        private void must(String point, Outcome outcome) {
            if (outcome.exit() != 0) {
                defects.add(point + "the next command says " + outcome);
            }
        }

        private void same(String what, String wanted, String is) {
            if (!wanted.equals(is)) {
                defects.add(what + " stands\n" + is + "instead of\n" + wanted);
            }
        }
    }
}
