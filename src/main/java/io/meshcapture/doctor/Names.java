package io.meshcapture.doctor;

import io.meshcapture.failure.Failure;
import io.meshcapture.plan.Address;
import io.meshcapture.system.ResolvConf;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.Supplier;

/**
 * How names become addresses here: the servers that {@code dns} captures, and whether the hosts file is asked.
 *
 * @param servers reads resolv.conf
 */
record Names(HostFiles files, Supplier<ResolvConf> servers) implements Examination {

    private static final String NSSWITCH = "/etc/nsswitch.conf";
    private static final String HOSTS = "/etc/hosts";

    /** MAXNS in resolv.h of glibc and musl. */
    private static final int ASKED_BY_LIBC = 3;

    /** Where a look-up by glibc begins to take a noticeable time, in bytes. */
    private static final int LARGE = 1 << 20;

    @Override
    public List<Finding> examine() {
        List<Finding> findings = new ArrayList<>();
        resolvConf(findings);
        nsswitch(findings);
        hosts(findings);
        return findings;
    }

    private void resolvConf(List<Finding> findings) {
        ResolvConf conf;
        try {
            conf = servers.get();
        } catch (Failure.Conflict unreadable) {
            findings.add(
                    Finding.warning(
                            Topic.NAMES,
                            "names.resolv-conf-unreadable",
                            String.valueOf(unreadable.getMessage()).split(";", 2)[0],
                            files.isThere("/etc/resolv.conf") && !files.exists("/etc/resolv.conf")
                                    ? "it is a link to a file that does not exist"
                                    : "programs ask 127.0.0.1 then",
                            "write one with a line such as: nameserver 10.0.0.53; a plan that captures DNS has to name servers"));
            return;
        }
        if (conf.servers().isEmpty()) {
            findings.add(Finding.warning(
                    Topic.NAMES,
                    "names.no-server",
                    conf.file() + " names no DNS server by its address",
                    "programs ask 127.0.0.1 then, and a plan that captures DNS by resolv.conf is refused",
                    "add a line such as: nameserver 10.0.0.53"));
            return;
        }
        List<Address> all = conf.servers();
        if (!conf.others().isEmpty()) {
            findings.add(Finding.note(
                    Topic.NAMES,
                    "names.scoped-server",
                    conf.file() + " names " + Samples.of(conf.others()) + ", which is bound to an interface",
                    "queries to it cannot be redirected, so a plan that captures DNS leaves it alone",
                    "name a server that is not link-local"));
        }
        if (all.size() > ASKED_BY_LIBC) {
            findings.add(Finding.note(
                    Topic.NAMES,
                    "names.many-servers",
                    conf.file() + " names " + all.size() + " DNS servers",
                    "libc asks the first three only; a plan that captures DNS captures all",
                    ""));
        }
        findings.add(Finding.ok(Topic.NAMES, "names.servers", "DNS servers: " + Samples.of(all) + stub(all)));
    }

    private static String stub(List<Address> servers) {
        return servers.contains(Address.ipv4(0x7f000035))
                ? " (systemd-resolved)"
                : servers.contains(Address.ipv4(0x7f00000b)) ? " (Docker's)" : "";
    }

    private void nsswitch(List<Finding> findings) {
        String text = files.read(NSSWITCH);
        if (text == null) {
            return; // glibc asks files, then DNS; musl knows no such file
        }
        List<String> sources = text.lines()
                .map(line -> line.split("#", 2)[0].strip())
                .filter(line -> line.startsWith("hosts:"))
                .map(line -> Arrays.asList(line.substring("hosts:".length())
                        .strip()
                        .replaceAll("\\[[^]]*]", " ")
                        .split("\\s+", -1)))
                .findFirst()
                .orElse(List.of("files"));
        int dns = sources.indexOf("dns");
        String command = "sed -i 's/^hosts:.*/hosts: files dns/' " + NSSWITCH;
        if (!sources.contains("files")) {
            findings.add(Finding.warning(
                    Topic.NAMES,
                    "names.nsswitch-without-files",
                    NSSWITCH + " does not ask the hosts file: hosts: " + String.join(" ", sources),
                    "lines in " + HOSTS + " mean nothing to programs that resolve by libc",
                    "put files first",
                    command));
        } else if (dns >= 0 && dns < sources.indexOf("files")) {
            findings.add(Finding.warning(
                    Topic.NAMES,
                    "names.nsswitch-dns-first",
                    NSSWITCH + " asks DNS before the hosts file: hosts: " + String.join(" ", sources),
                    "a line in " + HOSTS + " means nothing for a name that DNS knows",
                    "put files first",
                    command));
        }
    }

    private void hosts(List<Finding> findings) {
        String text = files.read(HOSTS);
        if (text == null) {
            findings.add(Finding.warning(
                    Topic.NAMES,
                    "names.hosts-missing",
                    files.isThere(HOSTS) ? HOSTS + " is not a file that can be read" : "there is no " + HOSTS,
                    "localhost is then whatever DNS says",
                    "write one",
                    "printf '127.0.0.1 localhost\\n::1 localhost\\n' > " + HOSTS));
            return;
        }
        if (text.length() > LARGE) {
            findings.add(Finding.note(
                    Topic.NAMES,
                    "names.hosts-large",
                    HOSTS + " has more than " + LARGE / 1024 + " KiB",
                    "libc reads it from its beginning for every name: 100,000 lines cost some 8 ms a look-up",
                    ""));
        }
        if (text.indexOf('\r') >= 0 || text.indexOf('\0') >= 0) {
            findings.add(Finding.warning(
                    Topic.NAMES,
                    "names.hosts-odd-bytes",
                    HOSTS + " has carriage returns or NUL bytes",
                    "libc takes them for a part of the last name of their line",
                    "write it with plain line ends",
                    "sed -i 's/\\r$//' " + HOSTS));
        }
        for (String line : text.split("\n", -1)) {
            String[] words = line.split("#", 2)[0].strip().split("\\s+", -1);
            boolean localhost = Arrays.asList(words).subList(1, words.length).contains("localhost");
            if (localhost && !words[0].startsWith("127.") && !words[0].equals("::1")) {
                findings.add(Finding.warning(
                        Topic.NAMES,
                        "names.localhost-elsewhere",
                        HOSTS + " says that localhost is " + words[0],
                        "what programs send to localhost leaves this host, and would be captured",
                        "make it 127.0.0.1 and ::1"));
                return;
            }
        }
    }
}
