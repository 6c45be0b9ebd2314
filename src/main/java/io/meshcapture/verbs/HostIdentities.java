package io.meshcapture.verbs;

import io.meshcapture.plan.Account;
import io.meshcapture.plan.BadValue;
import io.meshcapture.plan.CgroupPath;
import io.meshcapture.plan.UnitName;
import io.meshcapture.rules.Identities;
import io.meshcapture.system.Accounts;
import io.meshcapture.system.ControlGroups;
import java.util.List;

/** Names as this host knows them. */
final class HostIdentities implements Identities {
    @Override
    public long id(Account account) throws BadValue {
        return Accounts.id(account);
    }

    @Override
    public List<String> cgroups(UnitName unit) throws BadValue {
        return ControlGroups.of(unit);
    }

    @Override
    public String cgroup(CgroupPath path) throws BadValue {
        return ControlGroups.of(path);
    }
}
