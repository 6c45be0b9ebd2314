package io.meshcapture.system;

import io.meshcapture.ffi.LibC;
import io.meshcapture.plan.Account;
import io.meshcapture.plan.BadValue;
import java.util.OptionalLong;

/** Users and groups, by the host's own name services. */
public final class Accounts {
    private Accounts() {}

    /** The number of a user or group. */
    public static long id(Account account) throws BadValue {
        if (account.isId()) {
            return account.id();
        }
        boolean user = account.kind() == Account.Kind.USER;
        OptionalLong id = user ? LibC.load().uidOf(account.text()) : LibC.load().gidOf(account.text());
        if (id.isEmpty()) {
            throw new BadValue(
                    account.kind().label() + " " + BadValue.quote(account.text()) + " does not exist on this host",
                    "create it, correct the name, or write its number");
        }
        return id.getAsLong();
    }

    /** The primary group of a user; of one that has no account, the group of the same number. */
    public static long primaryGroup(Account user) {
        return user.isId()
                ? LibC.load().primaryGidOf(user.id()).orElse(user.id())
                : LibC.load().primaryGidOf(user.text()).orElse(0);
    }
}
