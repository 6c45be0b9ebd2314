package io.meshcapture.cli;

import io.meshcapture.verbs.Difference;
import java.io.PrintWriter;
import java.util.List;

/** Differences for people, in the manner of diff(1): minus is what stands, plus is what should. */
final class Differences {
    private Differences() {}

    static void print(PrintWriter out, List<Difference> differences) {
        String place = "";
        for (Difference difference : differences) {
            String here = difference.where()
                    + (difference.service() == null ? "" : " (service " + difference.service() + ")");
            if (!here.equals(place)) {
                out.println(here);
                place = here;
            }
            if (!difference.stands().isEmpty()) {
                out.println("  - " + difference.stands());
            }
            if (!difference.should().isEmpty()) {
                out.println("  + " + difference.should());
            }
        }
    }

    /** {@code 2 services}, {@code 1 service and inbound connections}. */
    static String captured(int services, boolean inbound) {
        String what = count(services, "service");
        return inbound ? (services == 0 ? "" : what + " and ") + "inbound connections" : what;
    }

    static String count(int number, String thing) {
        return number + " " + thing + (number == 1 ? "" : "s");
    }
}
