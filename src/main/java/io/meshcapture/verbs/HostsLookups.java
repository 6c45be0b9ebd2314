package io.meshcapture.verbs;

import io.meshcapture.backend.hosts.HostsFindings;
import io.meshcapture.backend.hosts.OwnLine;
import io.meshcapture.plan.ServiceName;
import io.meshcapture.system.HostLookup;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Map;

/** Whether names really lead where the lines in the hosts file say, by the look-up of programs in C. */
final class HostsLookups {
    /** A look-up reads the whole file; a plan of ten thousand names would take minutes. */
    private static final int MOST = 200;

    private HostsLookups() {}

    /** A difference for each name that leads elsewhere; names whose lines do not stand are not looked up. */
    static List<Difference> differences(
            Map<ServiceName, ? extends Collection<OwnLine>> wanted, HostsFindings standing) {
        List<Difference> differences = new ArrayList<>();
        int asked = 0;
        for (Collection<OwnLine> lines : wanted.values()) {
            for (OwnLine line : lines) {
                if (asked < MOST && standing.inForce(line.service()).contains(line)) {
                    asked++;
                    String found = String.join(", ", HostLookup.of(line.name().value(), line.mapped()));
                    if (!found.equals(line.address().toString())) {
                        differences.add(new Difference(
                                line.service().value(),
                                "look-up of " + line.name() + (line.mapped() ? " for IPv6" : " for IPv4"),
                                found.isEmpty() ? "no address" : found,
                                line.address().toString()));
                    }
                }
            }
        }
        return differences;
    }
}
