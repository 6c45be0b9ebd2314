package io.meshcapture.cli;

import io.meshcapture.backend.nftables.Finding;
import java.io.PrintWriter;
import java.util.List;

/** Differences for people, in the manner of diff(1): minus is what stands, plus is what should. */
final class Differences {
    private Differences() {}

    static void print(PrintWriter out, List<Finding> findings) {
        String place = "";
        for (Finding finding : findings) {
            String here = finding.where() + (finding.service() == null ? "" : " (service " + finding.service() + ")");
            if (!here.equals(place)) {
                out.println(here);
                place = here;
            }
            if (!finding.stands().isEmpty()) {
                out.println("  - " + finding.stands());
            }
            if (!finding.should().isEmpty()) {
                out.println("  + " + finding.should());
            }
        }
    }

    static String count(int number, String thing) {
        return number + " " + thing + (number == 1 ? "" : "s");
    }
}
