package io.meshcapture.rules;

import io.meshcapture.plan.Account;
import io.meshcapture.plan.BadValue;
import io.meshcapture.plan.CgroupPath;
import io.meshcapture.plan.UnitName;
import java.util.List;

/** What the names in a plan stand for on this host. */
public interface Identities {

    /** The number of a user or group. */
    long id(Account account) throws BadValue;

    /** The control groups of a unit, as paths below the root of cgroup v2; several for a template with an asterisk. */
    List<String> cgroups(UnitName unit) throws BadValue;

    /** Makes sure that a control group is there. */
    String cgroup(CgroupPath path) throws BadValue;
}
