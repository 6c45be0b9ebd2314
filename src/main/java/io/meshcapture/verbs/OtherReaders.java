package io.meshcapture.verbs;

import io.meshcapture.backend.hosts.HostsFindings;
import io.meshcapture.backend.hosts.OwnLine;
import io.meshcapture.failure.Failure;
import io.meshcapture.plan.Address;
import io.meshcapture.rules.LoopbackAddress;
import io.meshcapture.system.DnsQuestion.Answer;
import io.meshcapture.system.ResolvConf;
import io.meshcapture.system.SettingFiles;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * Programs that read this host's hosts file for others: name servers, and Podman, which copies it into containers. An address
 * out of 127.66.0.0/16 is of use on this host alone; whoever else is given it calls himself.
 */
final class OtherReaders {
    private static final Path ROOT = Path.of("/");
    private static final String DNSMASQ = "dnsmasq";
    private static final String RESOLVED = "systemd-resolve"; // as the kernel shortens it

    /** A name in every hosts file. */
    private static final String IN_EVERY_FILE = "localhost";

    /** The engine's socket: its embedded DNS server, 127.0.0.11, asks this host's servers from this host. */
    private static final List<Path> DOCKER = List.of(Path.of("/run/docker.sock"), Path.of("/var/run/docker.sock"));

    private static final List<Path> PODMAN =
            List.of(Path.of("/usr/bin/podman"), Path.of("/usr/local/bin/podman"), Path.of("/usr/bin/buildah"));

    /** Settings by which containers have a copy of this host's hosts file; the empty one is the default. */
    private static final Set<String> COPIED = Set.of("", Place.HOSTS.toString());

    /** Words of systemd for a setting that is switched off (parse_boolean in src/basic/parse-util.c). */
    private static final Set<String> NO = Set.of("no", "n", "false", "f", "off", "0");

    private static final String LED_TO_ITSELF = " is led to its own loopback, where no Envoy is";

    private OtherReaders() {}

    /**
     * What they make of captured names, a sentence for each of them.
     *
     * @param wanted what stands or is to stand in the hosts file
     */
    static List<String> notes(Place place, HostsWanted wanted) {
        OwnLine some = wanted.lines().values().stream()
                .flatMap(Collection::stream)
                .findFirst()
                .orElse(null);
        if (some == null || isElsewhere(place)) {
            return List.of();
        }
        String name = some.name().value();
        List<String> notes = new ArrayList<>();
        for (LocalNameServer server : LocalNameServer.all()) {
            String note = note(server, name);
            if (note != null) {
                notes.add(note);
            }
        }
        if (PODMAN.stream().anyMatch(Files::isExecutable)
                && COPIED.contains(SettingFiles.ofContainers(ROOT).last("base_hosts_file"))) {
            notes.add(
                    "Podman and Buildah copy " + Place.HOSTS + " into containers when these start, and in there " + name
                            + " leads to the container's own loopback, where no Envoy is (except with the host's network);"
                            + " write base_hosts_file = \"none\" under [containers] in /etc/containers/containers.conf");
        }
        return notes;
    }

    /** Those of other places are not looked for. */
    private static boolean isElsewhere(Place place) {
        return place.namespace() != null || place.hostsFile() != null;
    }

    private static @Nullable String note(LocalNameServer server, String name) {
        boolean tells = isTold(server, name) || (server.is(RESOLVED) && readsSoon());
        boolean later = !tells && readsLater(server);
        List<Address> forOthers = server.addressesForOthers();
        String when = later ? ", from its next start or SIGHUP on," : "";
        if (!tells && !later) {
            return null;
        }
        if (!forOthers.isEmpty()) {
            return "name server " + said(server) + when + " answers out of the hosts file on "
                    + forOthers.stream().map(OtherReaders::place).collect(Collectors.joining(", "))
                    + ": a container, virtual machine or host that asks it for " + name + LED_TO_ITSELF + "; "
                    + mend(server);
        }
        if (!isAskedHere(server)) {
            return null;
        }
        if (DOCKER.stream().anyMatch(Files::exists)) {
            return "name server " + said(server) + when + " answers out of the hosts file, and Docker asks it for"
                    + " containers on networks that were made with docker network create or by Compose: one that asks for "
                    + name + LED_TO_ITSELF + "; " + mend(server);
        }
        return later
                ? "name server " + said(server) + ", which /etc/resolv.conf names, has not read the hosts file since:"
                        + " programs here that ask DNS and not that file do not reach Envoy by " + name
                        + ", until its next start or SIGHUP, from when on Envoy's own look-ups by it come back to Envoy; "
                        + mend(server) + ", or, if Envoy does not ask it: kill -HUP " + server.pid()
                : null; // what that means for Envoy is told by its clusters
    }

    /** What it answers of names that lead nowhere any more; a sentence for each server. */
    static List<String> stale(Place place, HostsFindings before, HostsFindings now) {
        Set<String> gone = names(before);
        gone.removeAll(names(now));
        if (gone.isEmpty() || isElsewhere(place)) {
            return List.of();
        }
        String name = gone.iterator().next();
        List<String> notes = new ArrayList<>();
        for (LocalNameServer server : LocalNameServer.all()) {
            if (!server.is(RESOLVED) && isTold(server, name)) {
                notes.add("name server " + said(server) + " still sends " + name
                        + " to Envoy; let it read the hosts file again: kill -HUP " + server.pid());
            }
        }
        return notes;
    }

    private static Set<String> names(HostsFindings findings) {
        Set<String> names = new HashSet<>();
        findings.inForce().forEach(line -> names.add(line.name().value()));
        return names;
    }

    private static boolean isTold(LocalNameServer server, String name) {
        Answer answer = server.ask(name);
        return answer != null
                && answer.addresses().stream().anyMatch(address -> LoopbackAddress.parse(address.toString()) != null);
    }

    /** dnsmasq reads the file when it starts and at SIGHUP alone; by what it has read of it is seen that it does. */
    private static boolean readsLater(LocalNameServer server) {
        Answer answer = server.is(DNSMASQ) ? server.ask(IN_EVERY_FILE) : null;
        return answer != null && answer.authoritative() && !answer.addresses().isEmpty();
    }

    /** systemd-resolved reads the file again within two seconds, so that asking it at once proves nothing. */
    private static boolean readsSoon() {
        return !NO.contains(SettingFiles.ofResolved(ROOT).last("ReadEtcHosts").toLowerCase(Locale.ROOT));
    }

    private static boolean isAskedHere(LocalNameServer server) {
        try {
            return ResolvConf.of(null).servers().stream().anyMatch(server::isAskedAt);
        } catch (Failure.Conflict unreadable) {
            return false;
        }
    }

    private static String said(LocalNameServer server) {
        return server.process().isEmpty() ? "of this host" : server.process();
    }

    private static String place(Address address) {
        return address.high() == 0 && address.low() == 0 ? "all addresses" : address.toString();
    }

    private static String mend(LocalNameServer server) {
        String dnsmasq = "give dnsmasq no-hosts, and names of its own with addn-hosts";
        String resolved = "give systemd-resolved ReadEtcHosts=no";
        return server.is(DNSMASQ) ? dnsmasq : server.is(RESOLVED) ? resolved : dnsmasq + ", or " + resolved;
    }
}
