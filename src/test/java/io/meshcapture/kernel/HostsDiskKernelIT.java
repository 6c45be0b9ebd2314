package io.meshcapture.kernel;

import static io.meshcapture.kernel.HostsCommands.HOSTS;
import static io.meshcapture.kernel.HostsCommands.PLAN;
import static io.meshcapture.kernel.HostsCommands.STATE;
import static io.meshcapture.kernel.HostsCommands.content;
import static io.meshcapture.kernel.Program.ENVOY;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.meshcapture.lab.InNetns;
import io.meshcapture.lab.Lab;
import io.meshcapture.lab.Run;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The hosts file and the state directory on disks that are full or read-only. */
@InNetns
class HostsDiskKernelIT {
    /** Ends without a newline. */
    private static final String BEFORE = "127.0.0.1 localhost\n10.0.0.9 db # theirs\n::1 localhost";

    private static final int EPERM = 1;

    private static final List<String> APPLY = List.of("apply", "-f", "-");
    private static final List<String> ON_TRIAL = List.of("apply", "-f", "-", "--confirm-within", "1h");
    private static final List<String> ROLLBACK_ALL = List.of("rollback", "--all");

    @BeforeEach
    void cover(Lab lab) {
        lab.file("/etc/hosts", "");
    }

    /** In a process of its own, since Java tells read-only file systems by what its first thread sees. */
    private static Run.Result apart(String plan, List<String> words) {
        List<String> command = new ArrayList<>(List.of(Program.DISTRIBUTION));
        command.addAll(words);
        command.addAll(List.of("--state-dir", STATE.toString()));
        return Run.command(plan, Map.of(), Run.LIMIT, command);
    }

    private static Run.Result end(String plan, List<String> words) {
        Run.Result end = apart(plan, words);
        assertEquals(0, end.exit(), end.err());
        return end;
    }

    private static void isOnADiskOfItsOwn() throws Exception {
        Run.command("sh", "-c", "mkdir /run/small && mount -t tmpfs -o size=64k none /run/small")
                .orFail();
        Path small = Files.writeString(Path.of("/run/small/hosts"), BEFORE);
        Run.command("mount", "--bind", small.toString(), "/etc/hosts").orFail();
    }

    private static void isFull() {
        Run.command("sh", "-c", "dd if=/dev/zero of=/run/small/filling bs=1k 2>/dev/null; :")
                .orFail();
    }

    private static void isRefused(String plan, List<String> words, String hosts) throws Exception {
        Run.Result refused = apart(plan, words);
        assertEquals(6, refused.exit(), refused.err());
        assertTrue(refused.err().contains("the hosts file /etc/hosts could not be changed; "), refused.err());
        assertTrue(refused.err().contains("No space left on device"), refused.err());
        assertEquals(hosts, content());
    }

    @Test
    void a_full_disk_takes_no_line_in_and_lets_lines_off() throws Exception {
        isOnADiskOfItsOwn();
        end(PLAN, APPLY);
        String applied = content();
        isFull();
        isRefused(PLAN.replace("[orders, ", "[" + names() + "orders, "), APPLY, applied);
        end("", ROLLBACK_ALL);
        assertEquals(BEFORE, content());
    }

    /** The rules are in force when the names meet the full disk. */
    @ParameterizedTest
    @ValueSource(strings = {"nftables", "iptables-nft"})
    void rules_whose_names_are_refused_are_undone_at_once_on_trial_and_for_good(String backend) throws Exception {
        isOnADiskOfItsOwn();
        String earlier = ENVOY + "backend: " + backend + "\nservices:\n  ledger: {from: {user: 1001}}\n";
        String plan = earlier + "  orders: {hosts: [" + names() + "orders]}\n";
        isFull();
        for (List<String> apply : List.of(APPLY, ON_TRIAL)) {
            isRefused(plan, apply, BEFORE);
            assertTrue(end("", List.of("status")).out().contains("nothing is captured"));
            StandingBy.awaitNobody();
        }
        end(earlier, APPLY);
        for (List<String> apply : List.of(APPLY, ON_TRIAL)) {
            isRefused(plan.replace("1001", "1002"), apply, BEFORE);
            Program.mustStand(HostsCommands.with(earlier, "check"));
            assertEquals(
                    "nothing to confirm: no trial is running\n",
                    end("", List.of("confirm")).out());
        }
        String tried = plan.replace("1001", "1003").replace("orders]", "orders], ports: {80: 8000}")
                + "hosts-ports: listeners\n";
        end(tried, with(ON_TRIAL, "ledger"));
        isRefused(tried, with(ON_TRIAL, "orders"), BEFORE);
        assertTrue(end("", List.of("status")).out().contains("on trial: ends by itself in"), "a trial before goes on");
        assertEquals(backend.equals("iptables-nft"), StandingBy.isSomebody());
        assertEquals("confirmed: ledger\n", end("", List.of("confirm")).out());
        StandingBy.awaitNobody();
    }

    /** In the backend where it stood; or nowhere, where it led to nothing. */
    @Test
    void rules_that_moved_to_another_backend_move_back_where_their_names_are_refused() throws Exception {
        isOnADiskOfItsOwn();
        isFull();
        String earlier = ENVOY + "backend: iptables-nft\nservices:\n  ledger: {from: {user: 1001}}\n";
        String plan = earlier.replace("iptables-nft", "nftables") + "  orders: {hosts: [" + names() + "orders]}\n";
        end(earlier, APPLY);
        isRefused(plan, APPLY, BEFORE);
        Program.mustStand(HostsCommands.with(earlier, "check"));
        assertEquals(
                "",
                Run.command("sh", "-c", "nft list tables | grep meshcapture; :").out());
        end("", ROLLBACK_ALL);

        end(earlier.replace("iptables-nft", "nftables"), APPLY);
        Run.command("nft", "flush", "chain", "inet", "meshcapture", "output").orFail();
        isRefused(plan, APPLY, BEFORE);
        assertTrue(end("", List.of("status")).out().contains("nothing is captured"));
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "--confirm-within 1h"})
    void where_the_kernel_refuses_to_undo_rules_whose_names_were_refused_both_reasons_are_said(
            String how, @TempDir Path directory) throws Exception {
        isOnADiskOfItsOwn();
        isFull();
        Killing killing = Killing.in(directory);
        String earlier = ENVOY + "services:\n  ledger: {from: {user: 1001}}\n";
        String plan = earlier.replace("1001", "1002") + "  orders: {hosts: [" + names() + "orders]}\n";
        end(earlier, APPLY);
        List<String> apply = new ArrayList<>(APPLY);
        apply.addAll(List.of("--state-dir", STATE.toString()));
        apply.addAll(how.isEmpty() ? List.of() : List.of(how.split(" ")));
        Killing.Death undone = killing.at(0, plan, apply);
        assertEquals(6, undone.exit(), undone::said);

        Killing.Death end = undone;
        for (int at = 0; at == 0 || !end.calls().get(at - 1).equals("sendmsg"); ) {
            at = end.lastCommit(); // the machine's own threads make a call more or less
            end = killing.failing(at, EPERM, plan, apply);
        }
        assertEquals(7, end.exit(), end::said);
        assertTrue(
                end.said().contains("the plan could neither be put in force whole nor be undone; the hosts file"),
                end::said);
        assertTrue(end.said().matches("(?s).*No space left on device.*; then .*Operation not permitted.*"), end::said);
        assertEquals(BEFORE, content());

        Run.command("rm", "/run/small/filling").orFail();
        if (how.isEmpty()) {
            end(plan, APPLY);
            Program.mustStand(HostsCommands.with(plan, "check"));
        } else {
            end("", List.of("rollback", "--trial"));
            Program.mustStand(HostsCommands.with(earlier, "check"));
        }
        StandingBy.awaitNobody();
    }

    private static List<String> with(List<String> words, String last) {
        return Stream.concat(words.stream(), Stream.of(last)).toList();
    }

    private static String names() {
        StringBuilder names = new StringBuilder();
        for (int i = 0; i < 400; i++) {
            names.append("name").append(i).append(".internal, ");
        }
        return names.toString();
    }

    @Test
    void a_full_state_directory_keeps_the_hosts_file_as_it_is() throws Exception {
        Files.writeString(HOSTS, BEFORE);
        Run.command("sh", "-c", "mkdir -m 700 " + STATE + " && mount -t tmpfs -o size=4k,mode=700 none " + STATE)
                .orFail();
        Run.command("sh", "-c", "dd if=/dev/zero of=" + STATE + "/filling bs=1k 2>/dev/null; :")
                .orFail();
        Run.Result refused = apart(PLAN, APPLY);
        assertEquals(4, refused.exit(), refused.err());
        assertTrue(refused.err().contains("cannot be kept in " + STATE + "; No space left on device"), refused.err());
        assertEquals(BEFORE, content());
    }

    @Test
    void a_read_only_state_directory_is_said_and_lines_go_in_and_off() throws Exception {
        Files.writeString(HOSTS, BEFORE);
        Run.command("sh", "-c", "mkdir -m 700 " + STATE + " && mount -t tmpfs -o ro,mode=700 none " + STATE)
                .orFail();
        Run.Result applied = end(PLAN, APPLY);
        assertTrue(applied.err().contains("no journal is kept"), applied.err());
        end("", ROLLBACK_ALL);
        assertEquals(BEFORE, content());
    }
}
