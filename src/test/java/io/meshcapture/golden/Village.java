package io.meshcapture.golden;

import io.meshcapture.envoy.EnvoyHost;
import io.meshcapture.plan.Account;
import io.meshcapture.plan.Address;
import io.meshcapture.plan.BadValue;
import io.meshcapture.plan.CgroupPath;
import io.meshcapture.plan.Choices;
import io.meshcapture.plan.Plan;
import io.meshcapture.plan.Service;
import io.meshcapture.plan.ServiceName;
import io.meshcapture.plan.UnitName;
import io.meshcapture.rules.Identities;
import io.meshcapture.rules.LoopbackAddress;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;

/** The host of the stories: everybody on it is known by name, and nothing is asked of the machine. */
final class Village implements Identities {

    /** Its own addresses. */
    static final Set<Address> ADDRESSES = Set.of(address("192.0.2.1"), address("2001:db8::1"));

    /** What its resolv.conf names: a resolver of its own, and two elsewhere. */
    static final List<Address> NAME_SERVERS =
            List.of(address("127.0.0.53"), address("192.0.2.53"), address("2001:db8::53"));

    private static final Map<String, Long> USERS =
            Map.of("root", 0L, "envoy", 101L, "orders", 1001L, "ledger", 1002L, "backup", 1003L);
    private static final Map<String, Long> GROUPS =
            Map.of("root", 0L, "envoy", 101L, "orders", 1001L, "ledger", 1002L, "backup", 1003L, "batch", 2001L);
    private static final Map<String, List<String>> UNITS = Map.of(
            "orders.service", List.of("system.slice/orders.service"),
            "shop.slice", List.of("shop.slice"),
            "cart.service", List.of("shop.slice/cart.service"),
            "worker@*.service",
                    List.of(
                            "system.slice/system-worker.slice/worker@1.service",
                            "system.slice/system-worker.slice/worker@2.service"));

    /** As Envoy finds it. */
    static EnvoyHost envoysHost(Plan plan) {
        Map<ServiceName, Address> addresses = new HashMap<>();
        byName(plan).forEach((service, address) -> addresses.put(service, address.address()));
        return new EnvoyHost("village", true, NAME_SERVERS, addresses, 1024, Map.of());
    }

    /** The addresses of services by name whose connections are redirected. */
    static Map<ServiceName, LoopbackAddress> redirected(Plan plan) {
        return plan.hostsPorts() == Choices.HostsPorts.LISTENERS ? Map.of() : byName(plan);
    }

    /** As they are where no hosts file says otherwise. */
    private static Map<ServiceName, LoopbackAddress> byName(Plan plan) {
        return LoopbackAddress.allot(
                plan.services().stream()
                        .filter(service -> service.hosts() != null)
                        .map(Service::name)
                        .toList(),
                Map.of(),
                Set.of());
    }

    /** All that its rules could name. */
    static Set<String> cgroups() {
        Set<String> all = new TreeSet<>(Set.of("batch"));
        UNITS.values().forEach(all::addAll);
        return all;
    }

    @Override
    public long id(Account account) throws BadValue {
        if (account.isId()) {
            return account.id();
        }
        return known(account.kind() == Account.Kind.USER ? USERS : GROUPS, account.text());
    }

    @Override
    public List<String> cgroups(UnitName unit) throws BadValue {
        return known(UNITS, unit.value());
    }

    @Override
    public String cgroup(CgroupPath path) {
        return path.value();
    }

    private static <T> T known(Map<String, T> names, String name) throws BadValue {
        T found = names.get(name);
        if (found == null) {
            throw new BadValue(
                    BadValue.quote(name) + " does not live here",
                    "write one of " + String.join(", ", new TreeSet<>(names.keySet())));
        }
        return found;
    }

    static Address address(String text) {
        try {
            return Address.parse(text);
        } catch (BadValue e) {
            throw new IllegalArgumentException(e);
        }
    }
}
