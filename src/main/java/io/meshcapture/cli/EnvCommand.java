package io.meshcapture.cli;

import io.meshcapture.failure.ExitCode;
import io.meshcapture.verbs.Env;
import java.util.Map;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.ParseResult;

/** {@code meshcapture env [SERVICE…]}. */
final class EnvCommand implements Command {
    @Override
    public String name() {
        return "env";
    }

    @Override
    public String summary() {
        return "print NAME_SERVICE_HOST and NAME_SERVICE_PORT of services that are captured by name";
    }

    @Override
    public void declare(CommandSpec spec) {
        spec.addPositional(ApplyCommand.services("services by name; none: all of them"));
        PlanOptions.declareService(spec);
        PlanOptions.declareSettings(spec);
    }

    @Override
    public ExitCode run(ParseResult options, Invocation invocation) throws Exception {
        Env.Outcome outcome =
                Env.run(PlanOptions.read(options, invocation).plan(), invocation.place(), Invocation.services(options));
        if (invocation.isJson()) {
            Json.write(invocation.out(), json -> {
                json.name("command").value("env");
                // as a container of a pod takes them
                json.name("env").beginArray();
                for (Map.Entry<String, String> variable : outcome.variables().entrySet()) {
                    json.beginObject();
                    json.name("name").value(variable.getKey());
                    json.name("value").value(variable.getValue());
                    json.endObject();
                }
                json.endArray();
                Json.texts(json, "notes", outcome.notes());
            });
        } else {
            outcome.variables().forEach((name, value) -> invocation.out().println(name + "=" + value));
        }
        outcome.notes().forEach(invocation::note);
        return ExitCode.DONE;
    }
}
