package io.meshcapture.cli;

import io.meshcapture.verbs.Difference;
import java.io.PrintWriter;
import java.util.ArrayList;
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

    /** {@code 2 services}, {@code 1 service and inbound connections}, {@code DNS}. */
    static String captured(int services, boolean inbound, boolean dns) {
        List<String> what = new ArrayList<>();
        if (services > 0 || !(inbound || dns)) {
            what.add(count(services, "service"));
        }
        if (inbound) {
            what.add("inbound connections");
        }
        if (dns) {
            what.add("DNS");
        }
        return String.join(" and ", what);
    }

    static String count(int number, String thing) {
        return number + " " + thing + (number == 1 ? "" : "s");
    }
}
