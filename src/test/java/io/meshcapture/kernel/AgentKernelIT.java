package io.meshcapture.kernel;

import static io.meshcapture.kernel.Program.ENVOY;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.meshcapture.lab.Await;
import io.meshcapture.lab.Background;
import io.meshcapture.lab.InNetns;
import io.meshcapture.lab.Lab;
import io.meshcapture.lab.Run;
import io.meshcapture.lab.Verdict.Proxied;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import org.junit.jupiter.api.Test;

/** The process that stays. */
@InNetns
class AgentKernelIT {
    private static final Duration LIMIT = Duration.ofSeconds(20);

    @Test
    void a_plan_from_standard_input_is_kept_and_a_trial_that_it_has_to_wait_for_is_told_once(Lab lab)
            throws IOException {
        lab.proxy(15001);
        Path plan = Files.writeString(Path.of("/run/plan.yaml"), ENVOY + "services: {any: {}}\n");
        // the shell's own standard input is nothing
        Background agent = lab.background(
                "sh", "-c", "exec \"$0\" agent -f - --interval 1s < \"$1\"", Program.DISTRIBUTION, plan.toString());
        agent.awaitOutput("done: 1 service captured", LIMIT);
        Run.command("nft", "delete", "table", "inet", "meshcapture").orFail();
        agent.awaitOutput("done: 1 service captured, IPv6 captured too\ncaptured: any\ndone: ", LIMIT);

        Run.command(Program.DISTRIBUTION, "apply", "--envoy-user=1337", "--to=10.0.0.0/8", "--confirm-within=3s")
                .orFail();
        agent.awaitError("a trial is running", LIMIT);
        Await.until(
                LIMIT,
                "the trial to have ended by itself",
                () -> Run.command(Program.DISTRIBUTION, "check", "--without-envoy", "-f", plan.toString())
                                .exit()
                        == 0);
        Run.command("kill", "-TERM", Long.toString(agent.pid())).orFail();
        Run.Result ended = agent.await(LIMIT);
        assertEquals(1, ended.err().split("a trial is running", -1).length - 1, ended.err());
    }

    @Test
    void whoever_always_puts_himself_first_again_is_overtaken_three_times_and_then_told_once(Lab lab)
            throws IOException {
        lab.proxy(15001);
        Path plan =
                Files.writeString(Path.of("/run/plan.yaml"), ENVOY + "backend: iptables-nft\nservices: {any: {}}\n");
        Background agent = lab.background(Program.DISTRIBUTION, "agent", "-f", plan.toString(), "--interval", "1s");
        agent.awaitOutput("done: 1 service captured", LIMIT);
        Background rival = lab.background("sh", "-c", """
                while :; do
                    case $(iptables-nft -t nat -S OUTPUT | sed -n 2p) in
                        *--dport*) ;;
                        *)
                            iptables-nft -t nat -D OUTPUT -p tcp --dport 8080 -j ACCEPT 2>/dev/null
                            iptables-nft -t nat -I OUTPUT -p tcp --dport 8080 -j ACCEPT
                            ;;
                    esac
                    sleep 0.2
                done
                """);
        agent.awaitError("rules of others come first again whenever ours have gone before them", LIMIT);

        // what is taken away is repaired all the same
        Run.command("iptables-nft", "-t", "nat", "-F", "MESHCAPTURE_OUTPUT").orFail();
        agent.awaitOutput("repaired: 1 difference; 1 service captured\n".repeat(3) + "repaired: ", LIMIT);
        Run.command("kill", "-TERM", Long.toString(agent.pid())).orFail();
        Run.Result ended = agent.await(LIMIT);
        Run.command("kill", "-TERM", Long.toString(rival.pid())).orFail();
        rival.await(LIMIT);
        assertEquals(1, ended.err().split("come first again", -1).length - 1, ended.err());
        assertEquals(4, ended.out().split("repaired: ", -1).length - 1, ended.out());
        assertTrue(
                ended.err().contains("IPv4 table nat chain OUTPUT before -p tcp -m tcp --dport 8080 -j ACCEPT"),
                ended.err());
    }

    @Test
    void an_agent_repairs_what_others_take_away_follows_the_plan_and_leaves_what_it_captured(Lab lab)
            throws IOException {
        lab.proxy(15001);
        lab.server(8080);
        Path plan = Files.writeString(Path.of("/run/plan.yaml"), ENVOY + "services: {any: {}}\n");
        Background agent = lab.background(Program.DISTRIBUTION, "agent", "-f", plan.toString(), "--interval", "1s");
        agent.awaitOutput("done: 1 service captured", LIMIT);

        Run.command("nft", "delete", "table", "inet", "meshcapture").orFail();
        agent.awaitOutput("done: 1 service captured, IPv6 captured too\ncaptured: any\ndone: ", LIMIT);
        assertEquals(
                new Proxied(15001, "10.99.0.1:8080"), lab.caller().uid(1001).connect("10.99.0.1:8080"));

        Files.writeString(plan, ENVOY + "services: {any: {to: nowhere}}\n");
        agent.awaitError("\"nowhere\"", LIMIT);
        Files.writeString(plan, ENVOY + "services: {orders: {from: {user: 1001}}, any: {}}\n");
        agent.awaitOutput("captured: orders\n", LIMIT);

        Run.command("kill", "-TERM", Long.toString(agent.pid())).orFail();
        Run.Result ended = agent.await(LIMIT);
        assertEquals(0, ended.exit());
        assertEquals(1, ended.err().split("\"nowhere\"", -1).length - 1, ended.err());
        assertEquals(
                new Proxied(15001, "10.99.0.1:8080"), lab.caller().uid(1001).connect("10.99.0.1:8080"));
    }
}
