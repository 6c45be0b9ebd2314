package io.meshcapture.verbs;

import io.meshcapture.plan.Plan;
import io.meshcapture.plan.Port;
import io.meshcapture.plan.Service;
import io.meshcapture.plan.ServiceName;
import io.meshcapture.probe.Probe;
import io.meshcapture.rules.Caller;
import io.meshcapture.rules.Connection;
import io.meshcapture.rules.Explanation;
import io.meshcapture.rules.LoopbackAddress;
import io.meshcapture.rules.Sample;
import io.meshcapture.system.HostFacts;
import io.meshcapture.system.Privileges;
import java.util.ArrayList;
import java.util.List;

/** What {@code check --probe} shows of names: where they lead, and who takes connections to there. */
final class HostsProbes {
    /** A caller without name or rights. */
    private static final Caller ANYBODY = new Caller(65534, 65534, null);

    private HostsProbes() {}

    /**
     * A verdict for each look-up. Connections that are redirected are probed with all others; those that Envoy takes by
     * listeners of its own are probed here.
     */
    static List<Probe.Verdict> of(Plan plan, HostsWanted wanted, List<HostsLookups.Answer> answers)
            throws InterruptedException {
        List<Probe.Verdict> verdicts = new ArrayList<>();
        for (HostsLookups.Answer answer : answers) {
            String found = answer.found().isEmpty() ? "has no address" : "leads to " + answer.found();
            verdicts.add(Probe.Verdict.ofLookup(
                    answer.line().service().value(),
                    answer.what(),
                    answer.isRight() ? Probe.Result.OK : Probe.Result.WRONG,
                    answer.isRight()
                            ? found
                            : found + " instead of " + answer.line().address()));
        }
        if (!HostsPorts.areRedirected(plan) && Privileges.isNetAdmin()) {
            verdicts.addAll(Probe.of(samples(plan, wanted)));
        }
        return verdicts;
    }

    private static List<Sample> samples(Plan plan, HostsWanted wanted) {
        List<Sample> samples = new ArrayList<>();
        for (Service service : plan.services()) {
            ServiceName name = service.name();
            LoopbackAddress address = wanted.addresses().get(name);
            if (service.hosts() == null || address == null || !wanted.lines().containsKey(name)) {
                continue;
            }
            for (Port port : service.hosts().ports().keySet()) {
                if (samples.size() < Probe.MOST) {
                    samples.add(new Sample(
                            name,
                            Probe.BY_NAME,
                            new Connection(
                                    Connection.Protocol.TCP,
                                    address.address(),
                                    port.number(),
                                    ANYBODY,
                                    HostFacts.ownAddresses()),
                            new Explanation(List.of(), Explanation.Outcome.DIRECT, name, null)));
                }
            }
        }
        return samples;
    }
}
