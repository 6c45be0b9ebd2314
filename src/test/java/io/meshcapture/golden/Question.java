package io.meshcapture.golden;

import io.meshcapture.cli.ExplanationText;
import io.meshcapture.plan.Account;
import io.meshcapture.plan.Address;
import io.meshcapture.plan.BadValue;
import io.meshcapture.plan.CgroupPath;
import io.meshcapture.plan.Destination;
import io.meshcapture.plan.Origin;
import io.meshcapture.plan.UnitName;
import io.meshcapture.rules.Arrival;
import io.meshcapture.rules.Caller;
import io.meshcapture.rules.Connection;
import io.meshcapture.rules.Decision;
import io.meshcapture.rules.Explainer;
import io.meshcapture.rules.InboundExplainer;
import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/** A line such as {@code $ explain 10.0.0.5:443 --from-user orders}, with the options of the real command. */
record Question(String line) {

    private static final Origin ORIGIN = Origin.of("explain.txt");

    Connection connection() throws BadValue {
        List<String> words = List.of(line.substring("$ explain ".length()).split(" "));
        Destination destination = Destination.parse(words.getFirst(), ORIGIN);
        Village village = new Village();
        String user = after(words, "--from-user");
        String group = after(words, "--from-group");
        String unit = after(words, "--from-unit");
        String cgroup = after(words, "--from-cgroup");
        String source = after(words, "--from-address");
        long uid = user == null ? 0 : village.id(Account.parse(Account.Kind.USER, user, ORIGIN));
        long gid = group == null ? uid : village.id(Account.parse(Account.Kind.GROUP, group, ORIGIN));
        if (unit != null) {
            cgroup = village.cgroups(UnitName.parse(unit, ORIGIN)).getFirst();
        } else if (cgroup != null) {
            cgroup = CgroupPath.parse(cgroup, ORIGIN).value();
        }
        return new Connection(
                words.contains("--udp") ? Connection.Protocol.UDP : Connection.Protocol.TCP,
                Objects.requireNonNull(destination.network()).base(),
                destination.ports().ranges().getFirst().first(),
                source == null ? new Caller(uid, gid, cgroup) : Caller.behind(Address.parse(source)),
                Village.ADDRESSES,
                after(words, "--interface"));
    }

    boolean isInbound() {
        return line.contains(" --inbound");
    }

    /** What the command prints. */
    String answer(Decision decision) throws BadValue {
        Connection connection = connection();
        if (!isInbound()) {
            return ExplanationText.of(connection, Explainer.explain(decision, connection));
        }
        Arrival arrival = new Arrival(
                connection.protocol(),
                connection.destination(),
                connection.port(),
                connection.device(),
                connection.ownAddresses());
        return ExplanationText.inbound(connection, InboundExplainer.explain(decision, arrival));
    }

    private static @Nullable String after(List<String> words, String option) {
        int at = words.indexOf(option);
        return at < 0 ? null : words.get(at + 1);
    }
}
