package io.meshcapture.doctor;

import io.meshcapture.failure.Failure;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Everything that is examined whatever the plan is. */
public final class HostExaminations {
    private HostExaminations() {}

    /**
     * Looks at this host, in the calling thread's network namespace.
     *
     * @param namespace as {@code --netns} names it, or null for the calling thread's own
     * @param environment the process's
     */
    public static List<Finding> run(@Nullable String namespace, Map<String, String> environment) throws Exception {
        return run(new ThisHost(namespace, environment));
    }

    static List<Finding> run(Host host) throws Exception {
        HostFiles files = host.files();
        List<Finding> findings = new ArrayList<>(new Rights(files, host.sharesNodesNetwork()).examine());
        List<Finding> libraries = new LibraryVersions(files, host::loadLibrary, host.iptables()).examine();
        findings.addAll(libraries);
        boolean isLoaded = libraries.stream().noneMatch(one -> one.severity() == Severity.PROBLEM);
        if (isLoaded && host.isNetAdmin()) {
            findings.addAll(new KernelFeatures(files, host::missingFeatures).examine());
            findings.addAll(rules(host));
        } else if (isLoaded && findings.stream().anyMatch(one -> one.id().equals(Rights.UNPRIVILEGED))) {
            findings.addAll(host.kernelAsRootOfItsOwn());
        }
        List<Examination> others = List.of(
                new RulesetReload(files),
                new Conntrack(files),
                new Addresses(files, host.hasLoopback()),
                new Sockets(host.connections(), host.servers(), host.ephemeralPorts()),
                new Names(files, host::resolvConf),
                new ControlGroupLayout(files),
                new EnvoyProcesses(files, host.networkNamespace()));
        for (Examination examination : others) {
            findings.addAll(examination.examine());
        }
        return findings;
    }

    private static List<Finding> rules(Host host) {
        try {
            List<Finding> findings =
                    new ArrayList<>(new Neighbours(host.chains(), host.legacyRules(), host.shadows()).examine());
            if (host.hasLeftTrace()) {
                findings.add(Finding.warning(
                        Topic.RULES,
                        "rules.trace-left",
                        "a trace of meshcapture was killed, and net.netfilter.nf_log.2 and .10 are still as it needed them",
                        "what others trace or log goes to nfnetlink_log, and no longer into the kernel's log",
                        "the next apply, confirm, rollback or trace that may write /proc/sys puts them back"));
            }
            return findings;
        } catch (Failure.Unavailable noNfTables) {
            return Finding.of(Topic.KERNEL, "kernel.nf-tables", noNfTables);
        } catch (Failure.Conflict tableOfOthers) {
            return Finding.of(Topic.RULES, "rules.our-name-is-taken", tableOfOthers);
        }
    }
}
