package io.meshcapture.kubernetes;

import io.meshcapture.failure.Failure;
import io.meshcapture.failure.Problem;
import io.meshcapture.plan.Account;
import io.meshcapture.plan.BadValue;
import io.meshcapture.plan.Plan;
import io.meshcapture.plan.Service;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;

/** What of a plan makes no sense in a pod, told before any manifest is changed. */
public final class PodPlan {
    private PodPlan() {}

    /**
     * Sees that the plan can be applied by an initContainer.
     *
     * @throws Failure.Invalid with all reasons why not
     */
    public static void requireFit(Plan plan) {
        List<Problem> problems = new ArrayList<>();
        Stream<Account> callers = plan.services().stream()
                .flatMap(service -> Stream.concat(service.from().users().stream(), service.from().groups().stream()));
        Stream.of(plan.envoy().users().stream(), plan.envoy().groups().stream(), callers)
                .flatMap(accounts -> accounts)
                .filter(account -> !account.isId())
                .forEach(account -> problems.add(new Problem(
                        account.kind().label() + " " + BadValue.quote(account.text())
                                + " is a name, and the init image knows none of the other images' names",
                        account.origin().toString(),
                        "write its number, the runAsUser of that container")));
        for (Service service : plan.services()) {
            if (!service.from().units().isEmpty() || !service.from().cgroups().isEmpty()) {
                problems.add(new Problem(
                        "service " + BadValue.quote(service.name().toString())
                                + " is told by a unit or control group, of which a pod has none of its own",
                        service.origin().toString(),
                        "tell it by user, or leave from out"));
            }
        }
        if (!problems.isEmpty()) {
            throw new Failure.Invalid(problems);
        }
    }
}
