package io.meshcapture.system;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.meshcapture.plan.Account;
import io.meshcapture.plan.BadValue;
import io.meshcapture.plan.Origin;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;

class AccountsTest {

    @Test
    void user_by_number_has_the_primary_group_of_its_account() throws IOException, BadValue {
        for (String line : Files.readAllLines(Path.of("/etc/passwd"))) {
            String[] fields = line.split(":", -1);
            if (!fields[2].equals(fields[3]) && fields[0].matches("sync|games")) {
                assertEquals(Long.parseLong(fields[3]), Accounts.ofThisHost().primaryGroup(user(fields[2])));
            }
        }
        assertEquals(0, Accounts.ofThisHost().primaryGroup(user("0")));
    }

    @Test
    void number_without_an_account_is_its_own_group() throws BadValue {
        assertEquals(4294967293L, Accounts.ofThisHost().primaryGroup(user("4294967293")));
    }

    private static Account user(String text) throws BadValue {
        return Account.parse(Account.Kind.USER, text, Origin.of("test"));
    }
}
