package io.meshcapture.verbs;

import io.meshcapture.backend.Backend;
import io.meshcapture.backend.LiveState;
import io.meshcapture.failure.Failure;
import io.meshcapture.plan.Account;
import io.meshcapture.plan.Address;
import io.meshcapture.plan.BadValue;
import io.meshcapture.plan.CgroupPath;
import io.meshcapture.plan.Choices;
import io.meshcapture.plan.Plan;
import io.meshcapture.plan.UnitName;
import io.meshcapture.rules.Arrival;
import io.meshcapture.rules.Caller;
import io.meshcapture.rules.Connection;
import io.meshcapture.rules.Decision;
import io.meshcapture.rules.Explainer;
import io.meshcapture.rules.Explanation;
import io.meshcapture.rules.InboundExplainer;
import io.meshcapture.rules.Step;
import io.meshcapture.system.Accounts;
import io.meshcapture.system.ControlGroups;
import io.meshcapture.system.HostFacts;
import io.meshcapture.system.Routes;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** Says what happens to a connection and why. */
public final class Explain {

    /**
     * A connection that somebody asks about.
     *
     * @param destination the address that the caller asks for
     * @param port the port, 1 to 65535
     * @param udp whether it is UDP
     * @param user the caller's user, or null for root
     * @param group the caller's group, or null for the user's own
     * @param unit the caller's unit, or null
     * @param cgroup the caller's control group, or null
     * @param inbound whether somebody elsewhere opens it to this host
     * @param source the address of a caller behind this host, or null for a caller on it
     * @param device the interface that it arrives on or leaves by, or null for one that the plan does not name
     */
    public record Question(
            Address destination,
            int port,
            boolean udp,
            @Nullable Account user,
            @Nullable Account group,
            @Nullable UnitName unit,
            @Nullable CgroupPath cgroup,
            boolean inbound,
            @Nullable Address source,
            @Nullable String device) {}

    /**
     * The answer.
     *
     * @param connection the connection as it was understood
     * @param explanation the steps and the outcome
     * @param notes what the user should know
     */
    public record Outcome(Connection connection, Explanation explanation, List<String> notes) {
        public Outcome {
            notes = List.copyOf(notes);
        }
    }

    private Explain() {}

    /** From the plan; reads the host's accounts and addresses, and needs no privilege. */
    public static Outcome fromPlan(Plan plan, Place place, Question question) throws Exception {
        Supported.require(plan);
        return place.there(() -> {
            Stopped stopped = Stopped.in(plan, Set.of());
            Plan running = stopped.planOfOthers();
            Choices.Ipv6 ipv6 = EnvoyListeners.of(running).ipv6(plan.ipv6(), null, new ArrayList<>());
            Decision decision = Wanted.explained(running, place, ipv6);
            return answer(decision, question, place.accounts(), notes(stopped));
        });
    }

    private static List<String> notes(Stopped stopped) {
        return stopped.differences().stream()
                .map(gone -> "service " + gone.service() + ": " + gone.where()
                        + " is not there, so nobody is captured by it until it is started and the plan applied")
                .toList();
    }

    /** From the live state. */
    public static Outcome fromLiveState(Place place, Question question) throws Exception {
        return place.reading(() -> {
            try (Backends backends = Backends.open()) {
                Backend backend = backends.standing();
                LiveState live = backend.live();
                if (!live.isPresent()) {
                    throw new Failure.Conflict(
                            "nothing is captured here",
                            "there is no " + backend.home(),
                            "apply a plan first, or leave --live out to ask the plan");
                }
                return answer(backend.standing(live), question, place.accounts(), List.of());
            }
        });
    }

    /** Where the plan leaves interfaces alone, the kernel says which one the connection leaves by. */
    private static @Nullable String device(Decision decision, Question question) {
        boolean asked = question.device() == null
                && !question.inbound()
                && question.source() == null
                && decision.steps().stream().anyMatch(Step.ExceptInterfaces.class::isInstance);
        return asked ? Routes.device(question.destination()) : question.device();
    }

    private static Outcome answer(Decision decision, Question question, Accounts accounts, List<String> notes) {
        try {
            long uid = question.user() == null ? 0 : accounts.id(question.user());
            long gid;
            if (question.group() != null) {
                gid = accounts.id(question.group());
            } else {
                gid = question.user() == null ? 0 : accounts.primaryGroup(question.user());
            }
            String cgroup = null;
            if (question.unit() != null) {
                cgroup = ControlGroups.of(question.unit()).getFirst();
            } else if (question.cgroup() != null) {
                cgroup = question.cgroup().value();
            }
            Connection connection = new Connection(
                    question.udp() ? Connection.Protocol.UDP : Connection.Protocol.TCP,
                    question.destination(),
                    question.port(),
                    question.source() == null ? new Caller(uid, gid, cgroup) : Caller.behind(question.source()),
                    HostFacts.ownAddresses(),
                    device(decision, question));
            if (question.inbound()) {
                Arrival arrival = new Arrival(
                        connection.protocol(),
                        connection.destination(),
                        connection.port(),
                        question.device(),
                        connection.ownAddresses());
                return new Outcome(connection, InboundExplainer.explain(decision, arrival), notes);
            }
            return new Outcome(connection, Explainer.explain(decision, connection), notes);
        } catch (BadValue e) {
            throw new Failure.Invalid(e.what(), "command line", e.mend());
        }
    }
}
