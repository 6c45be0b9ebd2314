package io.meshcapture.rules;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.meshcapture.plan.Rank;
import org.junit.jupiter.api.Test;

class CallerKeyTest {

    private final CallerKey shop = new CallerKey("shop.slice", null, null);

    @Test
    void a_control_group_holds_its_children_and_not_its_namesakes() {
        assertTrue(shop.fits(new Caller(1, 1, "shop.slice")));
        assertTrue(shop.fits(new Caller(1, 1, "shop.slice/cart.service/worker")));
        assertFalse(shop.fits(new Caller(1, 1, "shop.slice2")));
        assertFalse(shop.fits(new Caller(1, 1, "system.slice/shop.slice")));
        assertFalse(shop.fits(new Caller(1, 1, null)));
    }

    @Test
    void everything_that_is_asked_must_fit() {
        CallerKey key = new CallerKey("shop.slice", 7L, 8L);
        assertTrue(key.fits(new Caller(7, 8, "shop.slice")));
        assertFalse(key.fits(new Caller(6, 8, "shop.slice")));
        assertFalse(key.fits(new Caller(7, 9, "shop.slice")));
        assertFalse(key.fits(new Caller(7, 8, "x")));
        assertTrue(CallerKey.ANYBODY.fits(new Caller(4294967294L, 0, null)));
    }

    @Test
    void its_rank_is_that_of_the_narrowest_kind() {
        assertEquals(Rank.CGROUP, new CallerKey("a", 1L, 1L).rank());
        assertEquals(Rank.USER, new CallerKey(null, 1L, 1L).rank());
        assertEquals(Rank.GROUP, new CallerKey(null, null, 1L).rank());
        assertEquals(Rank.ANY, CallerKey.ANYBODY.rank());
    }

    @Test
    void is_said_with_all_its_kinds() {
        assertEquals("cgroup /a/b and uid 1 and gid 2", new CallerKey("a/b", 1L, 2L).toString());
        assertEquals("any caller", CallerKey.ANYBODY.toString());
    }
}
