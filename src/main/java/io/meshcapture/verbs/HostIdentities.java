package io.meshcapture.verbs;

import io.meshcapture.plan.Account;
import io.meshcapture.plan.BadValue;
import io.meshcapture.plan.CgroupPath;
import io.meshcapture.plan.UnitName;
import io.meshcapture.rules.Identities;
import io.meshcapture.system.Accounts;
import io.meshcapture.system.ControlGroups;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** Names as this host knows them. */
final class HostIdentities implements Identities {
    private final Accounts accounts;

    /** Each name is asked once: the host's name services may take their time. */
    private final Map<String, Long> known = new HashMap<>();

    HostIdentities(Accounts accounts) {
        this.accounts = accounts;
    }

    @Override
    public long id(Account account) throws BadValue {
        String name = account.kind() + " " + account.text();
        Long id = known.get(name);
        if (id == null) {
            id = accounts.id(account);
            known.put(name, id);
        }
        return id;
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
