package io.meshcapture.endtoend;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.meshcapture.endtoend.Playground.Destination;
import io.meshcapture.endtoend.Playground.Family;
import java.util.List;
import java.util.Locale;
import java.util.regex.Pattern;
import org.junit.jupiter.api.AutoClose;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Whatever an unmodified service speaks, it goes through Envoy while captured, and past it before and after. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
final class ProtocolsIT {
    private static final String CERTIFICATE = "/run/upstream/cert.pem";

    enum Client {
        CURL,
        PYTHON,
        JVM
    }

    enum Protocol {
        HTTP_1(8080),
        H2C(8080),
        TLS_HTTP_1(8443),
        TLS_H2(8443),
        CLIENT_FIRST(9000),
        SERVER_FIRST(9001);

        final int port;

        Protocol(int port) {
            this.port = port;
        }

        boolean isTls() {
            return this == TLS_HTTP_1 || this == TLS_H2;
        }
    }

    enum Service {
        ORDERS(15001),
        LEDGER(15002);

        final int listener;

        Service(int listener) {
            this.listener = listener;
        }

        String user() {
            return name().toLowerCase(Locale.ROOT);
        }
    }

    @AutoClose
    private final Playground playground = Playground.open();

    @BeforeAll
    void prepare() {
        playground.prepareJava();
    }

    @BeforeEach
    void captureNothing() {
        playground.releaseAll();
    }

    @ParameterizedTest(name = "{1} speaks {2} over {3} as {0}")
    @CsvSource(textBlock = """
            ORDERS, CURL,   HTTP_1,       IPV4
            LEDGER, CURL,   HTTP_1,       IPV6
            LEDGER, CURL,   H2C,          IPV4
            ORDERS, CURL,   H2C,          IPV6
            ORDERS, CURL,   TLS_HTTP_1,   IPV4
            ORDERS, CURL,   TLS_H2,       IPV4
            LEDGER, CURL,   TLS_H2,       IPV6
            ORDERS, PYTHON, HTTP_1,       IPV4
            ORDERS, PYTHON, HTTP_1,       IPV6
            LEDGER, PYTHON, TLS_HTTP_1,   IPV4
            ORDERS, PYTHON, TLS_HTTP_1,   IPV6
            ORDERS, PYTHON, CLIENT_FIRST, IPV4
            LEDGER, PYTHON, CLIENT_FIRST, IPV6
            LEDGER, PYTHON, SERVER_FIRST, IPV4
            ORDERS, PYTHON, SERVER_FIRST, IPV6
            ORDERS, JVM,    HTTP_1,       IPV4
            LEDGER, JVM,    HTTP_1,       IPV6
            LEDGER, JVM,    TLS_H2,       IPV4
            ORDERS, JVM,    TLS_H2,       IPV6
            ORDERS, JVM,    CLIENT_FIRST, IPV4
            LEDGER, JVM,    SERVER_FIRST, IPV6
            """)
    void isCapturedWhileAppliedAndDirectBeforeAndAfter(
            Service service, Client client, Protocol protocol, Family family) {
        Destination destination = playground.destination(family);
        String name =
                (client + "-" + protocol + "-" + family).replace('_', '-').toLowerCase(Locale.ROOT) + ".secure.test";
        playground.name(name, destination);
        Call call = new Call(service, client, protocol, destination, name);
        long taken = playground.connectionsThatEnvoyTook();

        assertEquals(call.answer(false), call.make());
        assertEquals(taken, playground.connectionsThatEnvoyTook(), "before apply, past Envoy");

        playground.captureBoth();
        assertEquals(call.answer(true), call.make());
        List<String> said = playground.awaitEnvoySaid(destination, 1);
        assertTrue(said.getFirst().matches(call.envoysLine()), () -> said + " is not like " + call.envoysLine());
        assertEquals(taken + 1, playground.connectionsThatEnvoyTook(), "captured, through Envoy, once");

        playground.meshcapture("rollback", "--all").orFail();
        assertEquals(call.answer(false), call.make());
        assertEquals(taken + 1, playground.connectionsThatEnvoyTook(), "after rollback, past Envoy");
        assertEquals(said, playground.envoySaid(destination));
    }

    /** A call that a service makes. */
    private final class Call {
        private final Service service;
        private final Client client;
        private final Protocol protocol;
        private final Destination destination;
        private final String name;

        Call(Service service, Client client, Protocol protocol, Destination destination, String name) {
            this.service = service;
            this.client = client;
            this.protocol = protocol;
            this.destination = destination;
            this.name = name;
        }

        private String host() {
            return (protocol.isTls() ? name : destination.address()) + ":" + protocol.port;
        }

        private String url() {
            return (protocol.isTls() ? "https://" : "http://") + host() + "/page";
        }

        String make() {
            return switch (client) {
                case CURL -> curl();
                case PYTHON -> python();
                case JVM -> playground.runAs(service.user(), java()).orFail().strip();
            };
        }

        private String curl() {
            String version = switch (protocol) {
                case HTTP_1, TLS_HTTP_1 -> "--http1.1";
                case H2C -> "--http2-prior-knowledge";
                case TLS_H2 -> "--http2";
                case CLIENT_FIRST, SERVER_FIRST -> throw new AssertionError("curl speaks HTTP");
            };
            return playground
                    .curl(service.user(), version, "--cacert", CERTIFICATE, url())
                    .orFail()
                    .strip();
        }

        private String python() {
            return switch (protocol) {
                case HTTP_1 ->
                    playground
                            .runAs(service.user(), Playground.get(url()))
                            .orFail()
                            .strip();
                case TLS_HTTP_1 ->
                    playground
                            .runAs(service.user(), Playground.get(url(), CERTIFICATE))
                            .orFail()
                            .strip();
                case CLIENT_FIRST, SERVER_FIRST -> {
                    try (Program talk = playground.talk(service.user(), destination, protocol.port)) {
                        if (protocol == Protocol.CLIENT_FIRST) {
                            talk.send("hello");
                        }
                        String answer = talk.nextLine();
                        talk.end().orFail();
                        yield answer;
                    }
                }
                case H2C, TLS_H2 -> throw new AssertionError("Python's own client speaks HTTP/1.1");
            };
        }

        private List<String> java() {
            String port = Integer.toString(protocol.port);
            return switch (protocol) {
                case HTTP_1 -> Playground.java("get", "HTTP_1_1", url());
                case TLS_HTTP_1 -> Playground.java("get", "HTTP_1_1", url(), CERTIFICATE);
                case TLS_H2 -> Playground.java("get", "HTTP_2", url(), CERTIFICATE);
                case CLIENT_FIRST -> Playground.java("talk", destination.bare(), port, "hello");
                case SERVER_FIRST -> Playground.java("greeting", destination.bare(), port);
                case H2C -> throw new AssertionError("the JVM's client has no prior knowledge");
            };
        }

        /** What the upstream says: that it is the one that was meant, what it heard, and through whom. */
        String answer(boolean captured) {
            String here = destination.address() + ":" + protocol.port;
            String asked = here + ": you asked for " + host() + "/page, ";
            String how = captured ? "via envoy" : "directly";
            return switch (protocol) {
                case HTTP_1 -> asked + "HTTP/1.1, " + how;
                case H2C -> asked + "HTTP/2, " + how;
                case TLS_HTTP_1 -> asked + "HTTP/1.1, in TLS for " + name;
                case TLS_H2 -> asked + "HTTP/2, in TLS for " + name;
                case CLIENT_FIRST -> here + " heard hello";
                case SERVER_FIRST -> "220 " + here + " speaks first";
            };
        }

        /** Envoy's own account: which listener, from whom, where to, and what it could see of the protocol. */
        String envoysLine() {
            String here = Pattern.quote(destination.address() + ":" + protocol.port);
            String seen = switch (protocol) {
                case HTTP_1 -> "HTTP/1.1 GET " + Pattern.quote(host()) + "/page answered 200, flags -";
                case H2C -> "HTTP/2 GET " + Pattern.quote(host()) + "/page answered 200, flags -";
                case TLS_HTTP_1, TLS_H2 -> "TCP, TLS name " + Pattern.quote(name) + ", .* flags -";
                case CLIENT_FIRST, SERVER_FIRST -> "TCP, TLS name -, .* flags -";
            };
            return "listener " + Pattern.quote(destination.loopback() + ":" + service.listener) + ": "
                    + Pattern.quote(destination.source()) + ":\\d+ asked for " + here + ", went to " + here + " \\("
                    + seen + "\\), service " + service.user();
        }
    }
}
