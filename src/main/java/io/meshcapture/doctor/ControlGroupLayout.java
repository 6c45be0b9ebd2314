package io.meshcapture.doctor;

import java.util.List;

/** Whether callers can be told by unit or control group: libnftables looks for cgroup v2 at /sys/fs/cgroup alone. */
record ControlGroupLayout(HostFiles files) implements Examination {

    private static final String ROOT = "/sys/fs/cgroup";

    @Override
    public List<Finding> examine() {
        if (files.exists(ROOT + "/cgroup.controllers")) {
            return List.of(Finding.ok(Topic.CALLERS, "callers.cgroup-v2", "cgroup v2 is at " + ROOT));
        }
        boolean hybrid = files.exists(ROOT + "/unified/cgroup.controllers");
        return List.of(Finding.note(
                Topic.CALLERS,
                "callers.no-cgroup-v2",
                hybrid
                        ? "cgroup v2 is at " + ROOT + "/unified (hybrid), and not at " + ROOT
                        : "cgroup v2 is not mounted at " + ROOT,
                "from: {unit: …} and from: {cgroup: …} are refused; users, groups and networks work",
                "name the services' users instead, or boot with systemd.unified_cgroup_hierarchy=1"));
    }
}
