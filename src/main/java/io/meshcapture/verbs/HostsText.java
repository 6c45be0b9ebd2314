package io.meshcapture.verbs;

import io.meshcapture.backend.hosts.HostsFindings;
import io.meshcapture.failure.Failure;
import io.meshcapture.plan.BadValue;
import io.meshcapture.plan.ServiceName;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Collectors;

/** What is found in a hosts file, in the words of every other difference. */
final class HostsText {
    private HostsText() {}

    static List<Difference> differences(Path hosts, List<HostsFindings.Difference> found) {
        return found.stream().map(one -> difference(hosts, one)).toList();
    }

    private static Difference difference(Path hosts, HostsFindings.Difference found) {
        ServiceName service = found.service();
        return new Difference(
                service == null ? null : service.value(),
                where(hosts, found),
                printable(found.stands()),
                found.should(),
                found.needsPerson());
    }

    private static String where(Path hosts, HostsFindings.Difference found) {
        return found.line() == 0 ? hosts.toString() : hosts + " line " + found.line();
    }

    /** Other people's bytes, of which a terminal might make anything. */
    private static String printable(String text) {
        String shown = text.length() > 200 ? text.substring(0, 200) + "..." : text;
        return BadValue.printable(shown);
    }

    /** @throws Failure.Conflict where a person has to decide about lines first */
    static void refuse(Path hosts, List<HostsFindings.Difference> inTheWay) {
        if (!inTheWay.isEmpty()) {
            throw new Failure.Conflict(
                    inTheWay.size() == 1
                            ? "a line stands in the way of what the plan captures by name"
                            : inTheWay.size() + " lines stand in the way of what the plan captures by name",
                    inTheWay.stream()
                            .limit(10)
                            .map(one ->
                                    where(hosts, one) + " (service " + one.service() + "): " + printable(one.stands()))
                            .collect(Collectors.joining(", ")),
                    "take the line out, or the name out of the plan: resolvers take the first line, or both");
        }
    }

    /** Lines that were edited by hand and therefore stay. */
    static Failure.Conflict kept(Path hosts, List<HostsFindings.Difference> edited) {
        return new Failure.Conflict(
                edited.size() == 1
                        ? "a line of ours was edited by hand, and stays; everything else is released"
                        : edited.size() + " lines of ours were edited by hand, and stay; everything else is released",
                edited.stream()
                        .limit(10)
                        .map(one -> where(hosts, one) + ": " + printable(one.stands()))
                        .collect(Collectors.joining(", ")),
                "take out what is not wanted with an editor");
    }
}
