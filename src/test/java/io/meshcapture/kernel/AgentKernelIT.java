package io.meshcapture.kernel;

import static io.meshcapture.kernel.Program.ENVOY;
import static org.junit.jupiter.api.Assertions.assertEquals;

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
