package io.meshcapture.kernel;

import io.meshcapture.lab.Await;
import io.meshcapture.lab.Lab;
import io.meshcapture.lab.Run;
import io.meshcapture.plan.Address;
import io.meshcapture.plan.BadValue;
import io.meshcapture.system.DnsQuestion;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;

/** A real dnsmasq, which answers out of the hosts file that stood when it was started, and knows nobody to ask. */
record Dnsmasq(String pid, String address) {
    private static final Duration LIMIT = Duration.ofSeconds(10);

    /** Begins when it answers, at the first of these addresses. */
    static Dnsmasq started(Lab lab, List<String> addresses, String... options) {
        return startedAs("dnsmasq", lab, addresses, options);
    }

    /** Likewise, by another name of the program. */
    static Dnsmasq startedAs(String program, Lab lab, List<String> addresses, String... options) {
        List<String> command = new ArrayList<>(List.of(program, "--keep-in-foreground", "--conf-file=/dev/null"));
        command.addAll(List.of("--pid-file=", "--no-resolv", "--user=root", "--bind-interfaces"));
        addresses.forEach(address -> command.add("--listen-address=" + address));
        command.addAll(List.of(options));
        Dnsmasq server = new Dnsmasq(
                Long.toString(lab.background(command.toArray(String[]::new)).pid()), addresses.getFirst());
        Await.until(
                LIMIT, "dnsmasq to answer", () -> !server.answer("localhost").equals("nothing"));
        return server;
    }

    /** For the IPv4 addresses of a name. */
    String answer(String name) {
        return answer(address, name);
    }

    static String answer(String server, String name) {
        try {
            DnsQuestion.Answer answer = DnsQuestion.of(name).ask(Address.parse(server), Duration.ofSeconds(1));
            return answer == null ? "nothing" : answer.addresses().toString();
        } catch (BadValue e) {
            throw new IllegalArgumentException(e);
        }
    }

    /** Lets it read the file again, after which it answers so. */
    void readsAgain(String name, String answer) {
        Run.command("kill", "-HUP", pid).orFail();
        Await.until(LIMIT, "dnsmasq to say " + answer, () -> answer(name).equals(answer));
    }

    void end() {
        Run.command("kill", pid).orFail();
        Await.until(LIMIT, "dnsmasq to end", () -> !Files.exists(Path.of("/proc", pid, "root")));
    }
}
