package io.meshcapture.kernel;

import java.util.ArrayList;
import java.util.List;
import java.util.Random;

/** Plans and connections that meet: few users, groups, nested networks and ports, so that services compete. */
final class RandomPlans {
    static final List<Integer> LISTENERS = List.of(15001, 15002, 15003);

    private static final List<String> USERS = List.of("1001", "1002", "1003", "0");
    private static final List<String> GROUPS = List.of("2001", "2002", "2003");
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
    private static final List<String> ADDRESSES = List.of(
            "10.1.2.3",
            "10.1.2.4",
            "10.1.2.200",
            "10.1.3.1",
            "10.9.9.9",
            "192.0.2.1",
            "203.0.113.1",
            "169.254.3.4",
            "[fd00:1:2::3]",
            "[fd00:1:2::4]",
            "[fd00:1:3::1]",
            "[fd00:9::1]",
            "[2001:db8::1]");
    private static final List<String> PORTS = List.of("80", "443", "80-90", "85-443", "5432", "1-65535", "81,83,5432");
    private static final List<Integer> PORTS_ASKED = List.of(80, 81, 85, 90, 91, 443, 444, 5432, 1, 65535);

    private final Random random;

    RandomPlans(long seed) {
        random = new Random(seed);
    }

    /** A connection to be opened and explained. */
    record Attempt(int uid, int gid, String address, int port) {
        String destination() {
            return address + ":" + port;
        }
    }

    Attempt attempt() {
        int uid = random.nextInt(10) == 0 ? 1337 : Integer.parseInt(one(USERS));
        return new Attempt(uid, Integer.parseInt(one(GROUPS)), one(ADDRESSES), one(PORTS_ASKED));
    }

    /** A plan that captures what arrives, with Envoy's listener on 15006. */
    String inboundPlan() {
        var plan = new StringBuilder("version: 1\nenvoy: {user: 1337, inbound: 15006}\n");
        plan.append("ipv6: ")
                .append(one(List.of("capture", "bypass", "reject")))
                .append('\n');
        plan.append("services: ")
                .append(random.nextBoolean() ? "{}" : "{any: {}}")
                .append('\n');
        plan.append("inbound: {mode: ").append(one(List.of("redirect", "tproxy")));
        plan.append(random.nextBoolean() ? "" : ", to: [" + one(PORTS) + ", " + one(PORTS) + "]");
        plan.append(random.nextBoolean() ? "" : ", except: [" + one(PORTS) + "]")
                .append("}\n");
        return plan.append(random.nextInt(4) == 0 ? "interfaces: {except: [eth0]}\n" : "")
                .toString();
    }

    /** What somebody elsewhere asks this host for. */
    String arrival() {
        return one(List.of("10.99.0.2:", "[fd99::2]:")) + one(List.of(80, 81, 85, 90, 91, 443, 444, 5432, 15001));
    }

    String plan() {
        var plan = new StringBuilder("version: 1\nenvoy: {user: 1337");
        plan.append(random.nextInt(4) == 0 ? ", group: 2003}\n" : "}\n");
        plan.append("ipv6: ")
                .append(one(List.of("capture", "capture", "bypass", "reject")))
                .append('\n');
        if (random.nextInt(3) == 0) {
            plan.append("except: ").append(destinations(1 + random.nextInt(2))).append('\n');
        }
        plan.append("services:\n");
        int services = 1 + random.nextInt(6);
        for (int i = 0; i < services; i++) {
            plan.append("  s").append(i).append(": {outbound: ").append(one(LISTENERS));
            String from = from();
            plan.append(from.isEmpty() ? "" : ", from: {" + from + "}");
            plan.append(random.nextInt(4) == 0 ? "" : ", to: " + destinations(1 + random.nextInt(4)));
            plan.append(random.nextInt(2) == 0 ? "" : ", except: " + destinations(1 + random.nextInt(3)));
            plan.append("}\n");
        }
        return plan.toString();
    }

    private String from() {
        List<String> kinds = new ArrayList<>();
        if (random.nextInt(2) == 0) {
            kinds.add("user: " + some(USERS));
        }
        if (random.nextInt(3) == 0) {
            kinds.add("group: " + some(GROUPS));
        }
        return String.join(", ", kinds);
    }

    private String destinations(int count) {
        List<String> all = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            String network = one(NETWORKS);
            switch (random.nextInt(4)) {
                case 0 -> all.add("\":" + one(PORTS) + "\"");
                case 1 ->
                    all.add("\"" + (network.contains(":") ? "[" + network + "]" : network) + ":" + one(PORTS) + "\"");
                default -> all.add("\"" + network + "\"");
            }
        }
        return all.toString();
    }

    private String some(List<String> values) {
        List<String> some = new ArrayList<>(List.of(one(values)));
        if (random.nextInt(3) == 0) {
            some.add(one(values));
        }
        return some.stream().distinct().toList().toString();
    }

    private <T> T one(List<T> values) {
        return values.get(random.nextInt(values.size()));
    }
}
