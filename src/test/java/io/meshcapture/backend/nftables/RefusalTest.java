package io.meshcapture.backend.nftables;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.meshcapture.failure.ExitCode;
import io.meshcapture.failure.Failure;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class RefusalTest {

    private static final String CREATES = "add table inet meshcapture { comment \"x\"; }\n";
    private static final String CHANGES = "add rule inet meshcapture output accept\n";

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "CREATES | UNAVAILABLE | Error: Could not process rule: Operation not permitted",
                "CHANGES | UNAVAILABLE | Error: Could not process rule: Operation not permitted",
                "CHANGES | UNAVAILABLE | netlink: Error: cache initialization failed: Operation not permitted",
                "CHANGES | UNAVAILABLE | Error: Operation not permitted (you must be root)",
                "CREATES | UNAVAILABLE | Error: Could not process rule: Operation not supported",
                "CREATES | UNAVAILABLE | Error: cache initialization failed: Protocol not supported",
                "CHANGES | UNAVAILABLE | netlink: Error: cache initialization failed: Invalid argument",
                "CREATES | UNAVAILABLE | Error: Could not process rule: No such file or directory",
                "CHANGES | REFUSED | Error: Could not process rule: No such file or directory",
                "CHANGES | REFUSED | Error: Could not process rule: File exists",
                "CHANGES | REFUSED | Error: Could not process rule: Device or resource busy",
                "CHANGES | REFUSED | Error: Could not process rule: No buffer space available",
                "CREATES | REFUSED | Error: syntax error",
            })
    void tells_what_cannot_be_had_from_what_was_refused(String script, ExitCode expected, String error) {
        Failure failure = Refusal.of(script.equals("CREATES") ? CREATES : CHANGES, error + "\n" + CHANGES + "^^^\n");
        assertEquals(expected, failure.exitCode());
        assertTrue(String.valueOf(failure.getMessage()).contains("; " + error + "; "), failure.getMessage());
        assertEquals(1, String.valueOf(failure.getMessage()).lines().count());
    }

    @ParameterizedTest
    @CsvSource({
        "meta l4proto tcp tproxy to :15006 accept, nft_tproxy",
        "tcp dport 32768-60999 socket wildcard 0 accept, nft_socket"
    })
    void names_the_module_of_what_this_kernel_does_not_know_also_where_the_table_stands(String rule, String module) {
        String script = "add rule inet meshcapture arriving " + rule + "\n";
        Failure failure = Refusal.of(
                script, "Error: Could not process rule: No such file or directory\n" + script + "    ^^^^\n");
        assertEquals(ExitCode.UNAVAILABLE, failure.exitCode());
        assertTrue(String.valueOf(failure.getMessage()).contains(" " + module + ";"), failure.getMessage());
    }

    @ParameterizedTest
    @CsvSource({"''", "'\n\n'"})
    void says_so_where_no_reason_is_given(String error) {
        assertTrue(String.valueOf(Refusal.of(CHANGES, error).getMessage()).contains("; it gave no reason; "));
    }
}
