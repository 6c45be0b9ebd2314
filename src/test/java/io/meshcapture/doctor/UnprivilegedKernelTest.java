package io.meshcapture.doctor;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.meshcapture.system.OwnRoot;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What is made of the page of a doctor who is root of a namespace of his own. */
class UnprivilegedKernelTest {
    private static String whyNotTried(String out, String whyNot) {
        Finding finding =
                UnprivilegedKernel.findings(new OwnRoot.Outcome(out, whyNot)).getFirst();
        assertEquals("kernel.not-tried", finding.id());
        return finding.because();
    }

    @Test
    void failure_there_is_the_reason_why_nothing_was_tried() {
        String failure = """
                {"schema": 1, "command": "doctor", "failure": {"exit": 4, "meaning": "unavailable", "problems": [
                  {"what": "libnftables is missing", "because": "no such file", "mend": "install it"}]}}
                """;
        assertEquals("libnftables is missing: no such file", whyNotTried(failure, ""));
        assertEquals("unshare is not there", whyNotTried("", "unshare is not there"));
    }

    @ParameterizedTest
    @ValueSource(strings = {"{\"findings\": []}", "{\"failure\": {\"problems\": []}}", "no page"})
    void page_without_the_kernel_has_a_reason_too(String page) {
        assertEquals("doctor as root of a namespace of its own said nothing of the kernel", whyNotTried(page, ""));
    }
}
