package io.meshcapture.verbs;

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
import io.meshcapture.rules.EitherWay;
import io.meshcapture.rules.Explainer;
import io.meshcapture.rules.Explanation;
import io.meshcapture.rules.InboundExplainer;
import io.meshcapture.system.Accounts;
import io.meshcapture.system.ControlGroups;
import io.meshcapture.system.HostFacts;
import io.meshcapture.system.HostLookup;
import io.meshcapture.system.Processes;
import io.meshcapture.system.Routes;
import io.meshcapture.system.UserNumbers;
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
     * @param pid a process that opens it, in place of user, group and control group, or null
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
            @Nullable String device,
            @Nullable Long pid) {

        /** Whether it is root who calls because nobody was named. */
        public boolean isOfNobodyNamed() {
            return user == null
                    && group == null
                    && unit == null
                    && cgroup == null
                    && pid == null
                    && source == null
                    && !inbound;
        }

        /** The same, to somewhere else. */
        public Question to(Address other, int otherPort) {
            return new Question(other, otherPort, udp, user, group, unit, cgroup, inbound, source, device, pid);
        }
    }

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

    /**
     * Where a process lives: the place that was named, or where that is not said, the process's own network namespace.
     *
     * @throws Failure.Invalid where there is no such process
     */
    public static Place placeOf(Place place, long pid) {
        Processes.Running running = Processes.running(pid);
        if (running == null) {
            throw new Failure.Invalid(
                    "process " + pid + " is not there", "--pid", "name one that \"ps\" shows, while it runs");
        }
        return place.namespace() == null && !running.isInOurNetwork() ? place.in(Long.toString(pid)) : place;
    }

    /**
     * The addresses of a name, looked up as programs in C do, in the network namespace of the place.
     *
     * @param pid the process whose look-up it is, or null for one here
     * @throws Failure.Invalid where it has none
     * @throws Failure.Unavailable where the process reads other files than this one
     */
    public static List<Address> addresses(Place place, @Nullable Long pid, String name) throws Exception {
        Processes.Running running = pid == null ? null : Processes.running(pid);
        if (running != null && !running.isInOurMounts()) {
            throw new Failure.Unavailable(
                    "the name \"" + name + "\" is not looked up for process " + pid,
                    "it has a mount namespace of its own, and so another /etc/hosts and resolv.conf than are seen here",
                    "ask for the address that it has there, such as: nsenter -m -t " + pid + " getent ahosts " + name);
        }
        List<Address> found = new ArrayList<>();
        for (String text : place.there(() -> {
            List<String> all = new ArrayList<>(HostLookup.of(name, false));
            all.addAll(HostLookup.of(name, true));
            return all;
        })) {
            Address address = Address.parse(text);
            if (!found.contains(address)) {
                found.add(address);
            }
        }
        if (found.isEmpty()) {
            throw new Failure.Invalid(
                    "the name \"" + name + "\" has no address",
                    "getaddrinfo knows none here",
                    "correct it, or ask for an address");
        }
        return found;
    }

    /** From the plan; reads the host's accounts and addresses, and needs no privilege. */
    public static List<Outcome> fromPlan(Plan plan, Place place, List<Question> questions) throws Exception {
        Supported.require(plan);
        return place.there(() -> {
            Stopped stopped = Stopped.in(plan, Set.of());
            Plan running = stopped.planOfOthers();
            Choices.Ipv6 ipv6 = Wanted.ipv6(running, place, EnvoyListeners.of(running), null, new ArrayList<>());
            Decision decision = Wanted.explained(running, place, ipv6);
            return answers(decision, questions, place.accounts(), notes(stopped));
        });
    }

    private static List<String> notes(Stopped stopped) {
        return stopped.differences().stream()
                .map(gone -> "service " + gone.service() + ": " + gone.where()
                        + " is not there, so nobody is captured by it until it is started and the plan applied")
                .toList();
    }

    /** From the live state. */
    public static List<Outcome> fromLiveState(Place place, List<Question> questions) throws Exception {
        return place.reading(() -> {
            try (Backends backends = Backends.open()) {
                Decision decision = backends.captured("apply a plan first, or leave --live out to ask the plan")
                        .decision();
                return answers(decision, questions, place.accounts(), List.of());
            }
        });
    }

    /** Where the plan leaves interfaces alone, the kernel says which one the connection leaves by. */
    private static @Nullable String device(Decision decision, Question question) {
        boolean asked = question.device() == null
                && !question.inbound()
                && question.source() == null
                && decision.steps().stream().anyMatch(EitherWay.ExceptInterfaces.class::isInstance);
        return asked ? Routes.device(question.destination()) : question.device();
    }

    private static List<Outcome> answers(
            Decision decision, List<Question> questions, Accounts accounts, List<String> notes) {
        Explainer explainer = Explainer.of(decision);
        Set<Address> own = HostFacts.ownAddresses();
        return questions.stream()
                .map(question -> answer(decision, explainer, own, question, accounts, notes))
                .toList();
    }

    private static Outcome answer(
            Decision decision,
            Explainer explainer,
            Set<Address> own,
            Question question,
            Accounts accounts,
            List<String> notes) {
        try {
            Connection connection = new Connection(
                    question.udp() ? Connection.Protocol.UDP : Connection.Protocol.TCP,
                    question.destination(),
                    question.port(),
                    caller(question, accounts),
                    own,
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
            return new Outcome(connection, explainer.explain(connection), notes);
        } catch (BadValue e) {
            throw new Failure.Invalid(e.what(), "command line", e.mend());
        }
    }

    private static Caller caller(Question question, Accounts accounts) throws BadValue {
        if (question.source() != null) {
            return Caller.behind(question.source());
        }
        if (question.pid() != null) {
            return caller(question.pid());
        }
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
        return new Caller(uid, gid, cgroup);
    }

    private static Caller caller(long pid) {
        Processes.Running running = Processes.running(pid);
        UserNumbers numbers = UserNumbers.ofThisNamespace();
        if (running == null || numbers == null) {
            throw new Failure.Conflict(
                    "it cannot be told as whom process " + pid + " opens connections",
                    running == null ? "it has ended" : "users have other numbers in its network namespace",
                    "name the user instead, with --from-user");
        }
        return new Caller(numbers.user(running.uid()), numbers.group(running.gid()), running.cgroup());
    }
}
