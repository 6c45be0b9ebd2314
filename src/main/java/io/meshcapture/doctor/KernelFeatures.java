package io.meshcapture.doctor;

import io.meshcapture.backend.nftables.Feature;
import io.meshcapture.failure.Failure;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;

/**
 * Whether the kernel has what capture needs.
 *
 * @param files for the kernel's release, and whether it loads modules
 * @param missing tries them
 */
record KernelFeatures(HostFiles files, Callable<Map<Feature, String>> missing) implements Examination {

    @Override
    public List<Finding> examine() throws Exception {
        String release = files.read("/proc/sys/kernel/osrelease");
        String linux = "Linux " + (release == null ? "of unknown release" : release.strip());
        Map<Feature, String> found;
        try {
            found = missing.call();
        } catch (Failure.Unavailable notTried) {
            return List.of(Finding.note(
                    Topic.KERNEL,
                    "kernel.not-tried",
                    linux + ": its features were not tried",
                    String.valueOf(notTried.getMessage()),
                    "run doctor with sudo"));
        }
        List<Finding> findings = new ArrayList<>();
        if (found.isEmpty()) {
            findings.add(Finding.ok(
                    Topic.KERNEL,
                    "kernel.features",
                    linux + " has everything: all " + Feature.values().length
                            + " features work, tried in a network namespace of their own"));
        }
        found.forEach((feature, reason) -> findings.add(finding(feature, reason, linux)));
        return findings;
    }

    private Finding finding(Feature feature, String reason, String linux) {
        boolean loads = files.number("/proc/sys/kernel/modules_disabled").orElse(0) == 0;
        String id =
                "kernel." + feature.name().toLowerCase(java.util.Locale.ROOT).replace('_', '-');
        String what = linux + " lacks " + feature.words() + ", which " + feature.neededFor() + " needs";
        String mend = loads
                ? "load the module, or run a kernel that has it"
                : "no module can be loaded any more (kernel.modules_disabled=1): load it before that is set";
        String command = "modprobe " + feature.module();
        return feature.isAlwaysNeeded()
                ? Finding.missing(Topic.KERNEL, id, what, reason, mend, command)
                : Finding.warning(
                        Topic.KERNEL, id, what, reason, mend + "; plans that do not ask for it work", command);
    }
}
