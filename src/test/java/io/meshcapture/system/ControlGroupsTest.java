package io.meshcapture.system;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ControlGroupsTest {

    @TempDir
    Path root;

    @Test
    void units_are_found_in_slices_and_plain_directories() throws IOException {
        make("shop.slice/shop-eu.slice/orders.service", "kubepods/pod1/orders.service", "ledger.service");
        assertEquals(
                List.of("kubepods/pod1/orders.service", "shop.slice/shop-eu.slice/orders.service"),
                find("orders\\.service"));
        assertEquals(List.of("ledger.service"), find("ledger\\.service"));
    }

    @Test
    void what_a_service_or_scope_makes_in_its_own_group_is_no_unit() throws IOException {
        make(
                "user.slice/user-1000.slice/user@1000.service/app.slice/orders.service",
                "machine.slice/container.scope/orders.service",
                "user.slice/user-1000.slice/session-1.scope/x");
        assertEquals(List.of(), find("orders\\.service"));
        assertEquals(List.of("user.slice/user-1000.slice/session-1.scope"), find("session-.*\\.scope"));
    }

    private void make(String... paths) throws IOException {
        for (String path : paths) {
            Files.createDirectories(root.resolve(path));
        }
    }

    private List<String> find(String pattern) throws IOException {
        return ControlGroups.find(root, Pattern.compile(pattern));
    }
}
