package io.meshcapture.system;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Set;
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

    @Test
    void paths_are_told_of_candidates_and_what_is_below_them_and_of_nobody_else() throws IOException {
        make("shop.slice/orders.service/worker", "shop.slice/ledger.service", "other.service");
        long orders = id("shop.slice/orders.service");
        long worker = id("shop.slice/orders.service/worker");
        Set<Long> asked = Set.of(0L, orders, worker, id("shop.slice/ledger.service"), id("other.service"));
        assertEquals(
                Map.of(orders, "shop.slice/orders.service", worker, "shop.slice/orders.service/worker"),
                ControlGroups.paths(root, List.of("shop.slice/orders.service", "gone.service"), asked));
        assertEquals(Map.of(), ControlGroups.paths(root, List.of(), asked));
    }

    private long id(String path) throws IOException {
        return (Long) Files.getAttribute(root.resolve(path), "unix:ino");
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
