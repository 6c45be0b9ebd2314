package io.meshcapture.backend.iptables;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.meshcapture.failure.ExitCode;
import io.meshcapture.failure.Failure;
import io.meshcapture.plan.Family;
import io.meshcapture.system.Command;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;

/** What takes too long to be waited for in a test on the real kernel. */
class RefusalTest {
    @Test
    void program_that_did_not_end_is_a_refusal() {
        Failure failure = Refusal.of(
                Flavour.NFT,
                Family.IPV4,
                Path.of("/usr/sbin/iptables-nft-restore"),
                "*nat\nCOMMIT\n",
                new Command.Result(137, "", "", /* inTime= */ false, /* fed= */ true));
        assertEquals(ExitCode.REFUSED, failure.exitCode());
        assertEquals(
                "/usr/sbin/iptables-nft-restore did not end and was stopped; it took longer than a minute; try again",
                failure.getMessage());
    }
}
