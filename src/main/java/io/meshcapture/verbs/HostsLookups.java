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

    /**
     * What a look-up answered.
     *
     * @param line by which the name is captured
     * @param found the addresses, the empty text for none
     */
    record Answer(OwnLine line, String found) {
        boolean isRight() {
            return found.equals(line.address().toString());
        }

        String what() {
            return "look-up of " + line.name() + (line.mapped() ? " for IPv6" : " for IPv4");
        }
    }

    /** Names whose lines do not stand are not looked up. */
    static List<Answer> answers(Map<ServiceName, ? extends Collection<OwnLine>> wanted, HostsFindings standing) {
        List<Answer> answers = new ArrayList<>();
        for (Collection<OwnLine> lines : wanted.values()) {
            for (OwnLine line : lines) {
                if (answers.size() < MOST && standing.inForce(line.service()).contains(line)) {
                    answers.add(new Answer(
                            line, String.join(", ", HostLookup.of(line.name().value(), line.mapped()))));
                }
            }
        }
        return answers;
    }

    /** A difference for each name that leads elsewhere. */
    static List<Difference> differences(List<Answer> answers) {
        return answers.stream()
                .filter(answer -> !answer.isRight())
                .map(answer -> new Difference(
                        answer.line().service().value(),
                        answer.what(),
                        answer.found().isEmpty() ? "no address" : answer.found(),
                        answer.line().address().toString()))
                .toList();
    }
}
