package io.meshcapture.endtoend;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** The namespaces of a process, to run programs in. */
record Namespaces(long pid, List<String> kinds, Map<String, String> environment) {
    static final String PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

    Namespaces {
        kinds = List.copyOf(kinds);
        environment = Map.copyOf(environment);
    }

    /** A file as it is seen in there. */
    Path file(String path) {
        return Path.of("/proc/" + pid + "/root" + path);
    }

    Program start(List<String> command) {
        return start(command, Map.of());
    }

    Program start(List<String> command, Map<String, String> more) {
        List<String> entering = new ArrayList<>(List.of("nsenter", "--target", Long.toString(pid)));
        entering.addAll(kinds);
        entering.add("--");
        entering.addAll(command);
        Map<String, String> all = new HashMap<>(environment);
        all.putAll(more);
        return Program.start(entering, all);
    }

    Ending run(List<String> command) {
        return start(command).end();
    }
}
