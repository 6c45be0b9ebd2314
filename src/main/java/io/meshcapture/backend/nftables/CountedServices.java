package io.meshcapture.backend.nftables;

import io.meshcapture.backend.LiveState.LiveService;
import io.meshcapture.backend.nftables.Ruleset.Element;
import io.meshcapture.backend.nftables.Ruleset.NftSet;
import io.meshcapture.plan.Choices;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;

/** The services of a ruleset: what is recorded of each, and what the elements of its maps have counted. */
final class CountedServices {

    private final Map<String, Counts> counts = new HashMap<>();

    private CountedServices(Ruleset ruleset, boolean rejectsIpv6) {
        for (NftSet set : ruleset.sets().values()) {
            if (set.isMap()) {
                boolean rejects = rejectsIpv6 && set.name().contains("_ip6");
                set.elements()
                        .values()
                        .forEach(element -> counts.computeIfAbsent(element.comment(), any -> new Counts())
                                .add(element, rejects));
            }
        }
    }

    /** New connections of one service. */
    private static final class Counts {
        private long captured;
        private long excepted;
        private long rejected;

        private void add(Element element, boolean rejects) {
            if (element.verdict().equals("accept")) {
                excepted += element.packets();
            } else if (rejects) {
                rejected += element.packets();
            } else {
                captured += element.packets();
            }
        }

        private LiveService of(ServiceRecord record) {
            return new LiveService(
                    record.name(), record.digest(), record.version(), record.since(), captured, excepted, rejected);
        }
    }

    /**
     * In name order.
     *
     * @param ipv6 what becomes of IPv6, or null where that is not known
     */
    static List<LiveService> of(Ruleset ruleset, Choices.@Nullable Ipv6 ipv6) {
        return new CountedServices(ruleset, ipv6 == Choices.Ipv6.REJECT)
                .services(ruleset.sets().get(Ruleset.SERVICES));
    }

    private List<LiveService> services(@Nullable NftSet records) {
        List<LiveService> services = new ArrayList<>();
        Set<String> unrecorded = new TreeSet<>(counts.keySet());
        unrecorded.remove("");
        if (records != null) {
            for (Element element : records.elements().values()) {
                ServiceRecord record = ServiceRecord.parse(element.comment());
                if (record != null) {
                    services.add(
                            counts.getOrDefault(record.name(), new Counts()).of(record));
                    unrecorded.remove(record.name());
                }
            }
        }
        for (String owner : unrecorded) {
            // its record was taken away by hand; it is captured all the same
            services.add(counts.getOrDefault(owner, new Counts()).of(new ServiceRecord(owner, "", "", null)));
        }
        services.sort(Comparator.comparing(LiveService::name));
        return services;
    }
}
