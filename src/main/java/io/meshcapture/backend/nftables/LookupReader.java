package io.meshcapture.backend.nftables;

import io.meshcapture.backend.nftables.Ruleset.Element;
import io.meshcapture.backend.nftables.Ruleset.NftSet;
import io.meshcapture.failure.Failure;
import io.meshcapture.plan.BadValue;
import io.meshcapture.plan.Network;
import io.meshcapture.plan.Port;
import io.meshcapture.plan.PortRange;
import io.meshcapture.plan.Rank;
import io.meshcapture.plan.ServiceName;
import io.meshcapture.rules.CallerKey;
import io.meshcapture.rules.Entry;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Look-ups as {@link LookupRenderer} writes them, read back. */
final class LookupReader {
    private LookupReader() {}

    static int layer(String rule) {
        int at = rule.indexOf(", look-up ");
        int end = rule.indexOf('"', at);
        return at < 0 ? 1 : Integer.parseInt(rule.substring(at + ", look-up ".length(), end));
    }

    static Rank rank(NftSet map) {
        String name = map.name();
        if (name.startsWith("name")) {
            return Rank.NAME;
        }
        if (name.startsWith("cgroup")) {
            return Rank.CGROUP;
        }
        if (name.startsWith("user")) {
            return Rank.USER;
        }
        return name.startsWith("group") ? Rank.GROUP : Rank.ANY;
    }

    /**
     * The elements of a map.
     *
     * @param gone whether those of control groups that are gone are among them, under a path that stands for theirs
     */
    static List<Entry> entries(NftSet map, boolean gone) {
        String type = map.declaration().getFirst();
        type = type.substring("type ".length(), type.indexOf(" : "));
        List<String> types = NftKey.fields(type);
        List<Entry> entries = new ArrayList<>(map.elements().size());
        for (Element element : map.elements().values()) {
            if (gone || !types.contains("cgroupsv2") || !isOfGoneGroup(element)) {
                entries.add(entry(types, element, map.name()));
            }
        }
        return entries;
    }

    static boolean asksForGroups(NftSet set) {
        return set.isMap() && set.declaration().getFirst().contains("cgroupsv2");
    }

    /** A control group that is gone is listed by its number; nobody can be in it. */
    static boolean isOfGoneGroup(Element element) {
        return element.key().indexOf('"') < 0;
    }

    private static Entry entry(List<String> types, Element element, String map) {
        try {
            String cgroup = null;
            Long uid = null;
            Long gid = null;
            Network network = Network.ALL_IPV4;
            Network source = null;
            PortRange ports = PortRange.ALL;
            List<String> fields = NftKey.fields(element.key());
            for (int i = 0; i < types.size(); i++) {
                String field = fields.get(i);
                switch (types.get(i)) {
                    case "cgroupsv2" -> cgroup = cgroup(field, map);
                    case "uid" -> uid = Long.valueOf(field);
                    case "gid" -> gid = Long.valueOf(field);
                    case "inet_service" -> ports = ports(field);
                    default -> {
                        boolean isSource = map.startsWith(RulesetRenderer.FORWARDED) && i == 0;
                        Network read = Network.parse(field);
                        network = isSource ? network : read;
                        source = isSource && read.prefix() > 0 ? read : source;
                    }
                }
            }
            ServiceName service = element.comment().isEmpty() ? null : ServiceName.parse(element.comment());
            String said = network.prefix() == 0 && ports.equals(PortRange.ALL)
                    ? "any " + network.family().label()
                    : network + (ports.equals(PortRange.ALL) ? "" : " port " + ports);
            return new Entry(
                    service,
                    new CallerKey(cgroup, uid, gid, source),
                    network,
                    ports,
                    listener(element.verdict()),
                    said);
        } catch (BadValue | NumberFormatException | IndexOutOfBoundsException e) {
            throw new Failure.Conflict(
                    "the live table holds an element that meshcapture did not write",
                    "map " + map + ": " + element.text(),
                    "see the difference with: meshcapture check; repair it with: meshcapture apply");
        }
    }

    /** The path of a control group; of one that is gone only the depth is known, by the name of the map: {@code cgroup2_1_ip}. */
    private static String cgroup(String field, String map) {
        if (field.startsWith("\"")) {
            return field.substring(1, field.length() - 1);
        }
        int depth = Integer.parseInt(map.substring("cgroup".length(), map.indexOf('_')));
        return String.join("/", Collections.nCopies(depth, field));
    }

    /** Unlike in a plan there may be port 0, alone or where a range begins: what is left over of all ports has it. */
    static PortRange ports(String field) throws BadValue {
        if (field.equals("0")) {
            return new PortRange(0, 0);
        }
        return field.startsWith("0-")
                ? new PortRange(0, PortRange.parse(field.substring(2)).last())
                : PortRange.parse(field);
    }

    static @Nullable Port listener(String verdict) {
        try {
            return verdict.startsWith("goto to_") ? Port.parse(verdict.substring("goto to_".length())) : null;
        } catch (BadValue e) {
            return null;
        }
    }
}
