package io.meshcapture.pairs;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;

/** Draws plans and connections that meet: few callers, nested networks and few ports, so that services compete. */
final class Draw {
    static final List<Integer> LISTENERS = List.of(15001, 15002, 15003);

    /** The ports of this host at which somebody listens, on all addresses. */
    static final List<Integer> OWN_PORTS = List.of(80, 81, 90, 443, 5432);

    /** Control groups below the tree of the tests. */
    static final List<String> CGROUPS = List.of("mct-pairs.slice/a.service", "mct-pairs.slice/b.service");

    static final List<Integer> UDP_PORTS = List.of(53, 443, 81);

    private static final List<Integer> UDP_ASKED = List.of(53, 53, 443, 443, 81);

    /** Of the whole world. */
    static final List<String> ADDRESSES = List.of(
            "10.1.2.3",
            "10.1.2.4",
            "10.1.2.200",
            "10.1.3.1",
            "10.9.9.9",
            "192.0.2.1",
            "203.0.113.1",
            "fd00:1:2::3",
            "fd00:1:2::4",
            "fd00:1:3::1",
            "fd00:9::1",
            "2001:db8::1");

    private static final List<String> USERS = List.of("1001", "1002", "1003", "0");
    private static final List<String> GROUPS = List.of("2001", "2002", "2003");
    private static final List<String> GUESTS = List.of("10.98.0.0/24", "10.98.0.2", "10.98.0.128/25", "\"fd98::/64\"");
    private static final List<String> NETWORKS = List.of(
            "0.0.0.0/0",
            "10.0.0.0/8",
            "10.1.0.0/16",
            "10.1.2.0/24",
            "10.1.2.3",
            "10.1.2.128/25",
            "192.0.2.0/24",
            "::/0",
            "fd00::/8",
            "fd00:1::/32",
            "fd00:1:2::/48",
            "fd00:1:2::3");
    private static final List<String> PORTS = List.of("80", "443", "80-90", "85-443", "5432", "1-65535", "81,83,5432");
    private static final List<Integer> PORTS_ASKED = List.of(80, 81, 85, 90, 91, 443, 444, 5432, 53, 1, 65535);
    private static final List<String> OWN = List.of("10.99.0.2", "fd99::2");

    private final Random random;

    Draw(long seed) {
        random = new Random(seed);
    }

    Attempt attempt(boolean guests) {
        Attempt.Way way = guests
                ? one(List.of(Attempt.Way.values()))
                : one(List.of(Attempt.Way.TCP, Attempt.Way.TCP, Attempt.Way.UDP, Attempt.Way.ARRIVING));
        int uid = random.nextInt(8) == 0 ? 1337 : Integer.parseInt(one(USERS));
        int gid = Integer.parseInt(one(GROUPS));
        return switch (way) {
            case TCP -> {
                boolean toItself = random.nextInt(6) == 0;
                String cgroup = random.nextInt(4) == 0 ? one(CGROUPS) : null;
                yield toItself
                        ? new Attempt(way, uid, gid, cgroup, one(OWN), one(OWN_PORTS))
                        : new Attempt(way, uid, gid, cgroup, one(ADDRESSES), one(PORTS_ASKED));
            }
            case GUEST_TCP -> new Attempt(way, 0, 0, null, one(ADDRESSES), one(PORTS_ASKED));
            case UDP -> new Attempt(way, uid, gid, null, one(ADDRESSES), one(UDP_ASKED));
            case GUEST_UDP -> new Attempt(way, 0, 0, null, one(ADDRESSES), one(UDP_ASKED));
            case ARRIVING -> new Attempt(way, 0, 0, null, one(OWN), one(OWN_PORTS));
        };
    }

    Sketch plan() {
        List<String> envoy = new ArrayList<>();
        Map<String, String> sections = new LinkedHashMap<>();
        boolean guests = random.nextInt(2) == 0;
        if (random.nextInt(4) == 0) {
            envoy.add("group: 2003");
        }
        if (random.nextInt(2) == 0) {
            envoy.add("inbound: 15006");
            String to = random.nextBoolean() ? "" : ", to: [" + one(PORTS) + ", " + one(PORTS) + "]";
            String except = random.nextBoolean() ? "" : ", except: [" + one(PORTS) + "]";
            sections.put("inbound", "{mode: " + one(List.of("redirect", "tproxy")) + to + except + "}");
        }
        if (random.nextInt(2) == 0) {
            envoy.add("dns: 15053");
            sections.put(
                    "dns",
                    "{servers: " + (random.nextBoolean() ? "any" : "[10.1.2.3, 192.0.2.1, \"fd00:1:2::3\"]") + "}");
        }
        sections.put("ipv6", one(List.of("capture", "capture", "bypass", "reject")));
        if (random.nextInt(2) == 0) {
            sections.put("udp443", "reject");
        }
        if (random.nextInt(3) == 0) {
            sections.put("invalid", "drop");
        }
        if (random.nextInt(3) == 0) {
            sections.put("except", "[" + String.join(", ", destinations(1 + random.nextInt(2))) + "]");
        }
        String left = random.nextInt(10) == 0 ? "except: [eth0]" : random.nextInt(4) == 0 ? "except: [eth7, wg*]" : "";
        if (guests || !left.isEmpty()) {
            String outbound = guests ? "outbound: [guest0]" : "";
            sections.put("interfaces", "{" + left + (guests && !left.isEmpty() ? ", " : "") + outbound + "}");
        }
        Map<String, Sketch.Parts> services = new LinkedHashMap<>();
        int count = random.nextInt(7);
        for (int i = 0; i < count; i++) {
            services.put("s" + i, service(guests));
        }
        return new Sketch(envoy, sections, services);
    }

    private Sketch.Parts service(boolean guests) {
        Map<String, List<String>> lists = new LinkedHashMap<>();
        if (guests && random.nextInt(3) == 0) {
            lists.put("network", some(GUESTS));
        } else {
            put(lists, "user", USERS, 3);
            put(lists, "group", GROUPS, 5);
            put(lists, "cgroup", CGROUPS, 8);
        }
        if (random.nextInt(4) > 0) {
            lists.put("to", destinations(1 + random.nextInt(4)));
        }
        if (random.nextInt(3) == 0) {
            lists.put("except", destinations(1 + random.nextInt(3)));
        }
        return new Sketch.Parts(lists, one(LISTENERS).toString());
    }

    private void put(Map<String, List<String>> lists, String key, List<String> values, int oneIn) {
        if (random.nextInt(oneIn) == 0) {
            lists.put(
                    key,
                    some(values).stream()
                            .map(value -> key.equals("cgroup") ? "/" + value : value)
                            .toList());
        }
    }

    private List<String> destinations(int count) {
        List<String> all = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            String network = one(NETWORKS);
            String ports = one(PORTS);
            boolean ipv6 = network.contains(":");
            String destination = switch (random.nextInt(4)) {
                case 0 -> ":" + ports;
                case 1 -> (ipv6 ? "[" + network + "]" : network) + ":" + ports;
                default -> network;
            };
            all.add("\"" + destination + "\"");
        }
        return all.stream().distinct().toList();
    }

    private List<String> some(List<String> values) {
        List<String> some = new ArrayList<>(List.of(one(values)));
        if (random.nextInt(3) == 0) {
            some.add(one(values));
        }
        return some.stream().distinct().toList();
    }

    private <T> T one(List<T> values) {
        return values.get(random.nextInt(values.size()));
    }
}
