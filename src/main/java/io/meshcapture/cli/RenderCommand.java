package io.meshcapture.cli;

import io.meshcapture.failure.ExitCode;
import io.meshcapture.plan.Choices;
import io.meshcapture.verbs.Render;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.ParseResult;

/** {@code meshcapture render}. */
final class RenderCommand implements Command {
    @Override
    public String name() {
        return "render";
    }

    @Override
    public String summary() {
        return "print the plan's ruleset, as text that nft -f or, part by part, iptables-restore and ip6tables-restore accept";
    }

    @Override
    public void declare(CommandSpec spec) {
        PlanOptions.declareService(spec);
        PlanOptions.declareSettings(spec);
    }

    @Override
    public ExitCode run(ParseResult options, Invocation invocation) throws Exception {
        var plan = PlanOptions.read(options, invocation).plan();
        if (plan.ipv6() == Choices.Ipv6.AUTO) {
            invocation.say("ipv6: auto is rendered as capture; apply looks at what Envoy listens on");
        }
        String ruleset = Render.run(plan, invocation.place());
        if (invocation.isJson()) {
            Json.write(invocation.out(), json -> {
                json.name("command").value("render");
                json.name("backend").value(Choices.word(plan.backend()));
                json.name("ruleset").value(ruleset);
            });
        } else {
            invocation.out().print(ruleset);
        }
        return ExitCode.DONE;
    }
}
