package io.meshcapture.system;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.meshcapture.system.LockHolders.Holder;
import java.util.List;
import org.junit.jupiter.api.Test;

class LockHoldersTest {
    private static final String LOCKS = """
            1: POSIX  ADVISORY  WRITE 17 00:04:4026531840 0 EOF
            2: FLOCK  ADVISORY  WRITE 4711 00:04:4026531840 0 EOF
            2: -> FLOCK  ADVISORY  WRITE 4712 00:04:4026531840 0 EOF
            3: FLOCK  ADVISORY  READ  18 00:04:4026532000 0 EOF
            3: FLOCK  ADVISORY  READ  0 00:04:4026532000 0 EOF
            4: FLOCK  ADVISORY  WRITE 19 fd:01:4026531840 0 EOF
            """;

    @Test
    void holder_is_who_locked_that_file_and_does_not_wait() {
        assertEquals(List.of(new Holder(4711, true)), LockHolders.parse(LOCKS, "00:04:4026531840"));
    }

    @Test
    void shared_locks_have_several_holders() {
        assertEquals(
                List.of(new Holder(18, false), new Holder(0, false)), LockHolders.parse(LOCKS, "00:04:4026532000"));
    }

    @Test
    void nobody_holds_another_file() {
        assertEquals(List.of(), LockHolders.parse(LOCKS, "00:04:1"));
    }
}
