package io.meshcapture.envoy;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.meshcapture.plan.HostPort;
import io.meshcapture.plan.Port;
import java.io.IOException;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class AdminTest {

    private interface Answer {
        void write(OutputStream out) throws Exception;
    }

    /** Answers one request after the other, on a port of its own, until it is closed. */
    private record Server(ServerSocket listener) implements AutoCloseable {
        static Server answering(Answer answer) throws IOException {
            ServerSocket listener = new ServerSocket(0, 10, InetAddress.getLoopbackAddress());
            Thread.ofPlatform().daemon().start(() -> {
                while (!listener.isClosed()) {
                    try (Socket one = listener.accept()) {
                        one.getInputStream().read(new byte[4096]);
                        answer.write(one.getOutputStream());
                    } catch (Exception clientIsGone) {
                        // the next one, please
                    }
                }
            });
            return new Server(listener);
        }

        static Server answering(String text) throws IOException {
            return answering(out -> out.write(text.getBytes(StandardCharsets.ISO_8859_1)));
        }

        Admin admin() {
            return new Admin(address());
        }

        /** Of somebody who waits so long for an answer, and for all. */
        Admin admin(Duration each, Duration all) {
            return new Admin(address(), each, all);
        }

        private HostPort address() {
            return new HostPort("127.0.0.1", new Port(listener.getLocalPort()));
        }

        @Override
        public void close() {
            try {
                listener.close();
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        }
    }

    private static String http(String status, String body) {
        return "HTTP/1.1 " + status + "\r\ncontent-length: " + body.length() + "\r\n\r\n" + body;
    }

    @Test
    void live_is_ready_and_draining_is_not() throws Exception {
        try (Server live = Server.answering(http("200 OK", "LIVE\n"));
                Server draining = Server.answering(http("503 Service Unavailable", "DRAINING\n"))) {
            assertEquals(new Admin.Readiness(true, "LIVE"), live.admin().ready());
            assertEquals(
                    new Admin.Readiness(false, "DRAINING"), draining.admin().ready());
        }
    }

    @Test
    void nobody_there_is_told_at_once() throws Exception {
        Server gone = Server.answering("");
        gone.close();
        NoAnswer no = assertThrows(NoAnswer.class, () -> gone.admin().ready());
        assertTrue(no.because().startsWith("nobody answers at 127.0.0.1:"), no::because);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "HTTP/1.1 200 OK\r\n\r\n<html>an application</html>",
                "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n",
                "HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1:1/\r\ncontent-length: 0\r\n\r\n",
                "HTTP/1.1 404 Not Found\r\ncontent-length: 2\r\n\r\nNO"
            })
    void another_http_server_is_not_taken_for_envoy(String answer) throws Exception {
        try (Server server = Server.answering(answer)) {
            NoAnswer no = assertThrows(NoAnswer.class, () -> server.admin().ready());
            assertTrue(no.because().endsWith(" is not Envoy's admin interface"), no::because);
        }
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "220 mail.example ESMTP\r\n",
                "\u0000\u0001\u0002",
                "HTTP/1.1 abc\r\n\r\n",
                "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nnonsense\r\n"
            })
    void what_does_not_speak_http_is_named(String answer) throws Exception {
        try (Server server = Server.answering(answer)) {
            NoAnswer no = assertThrows(NoAnswer.class, () -> server.admin().ready());
            assertTrue(no.because().startsWith("what answers at 127.0.0.1:"), no::because);
        }
    }

    @Test
    void hundred_megabytes_are_not_read() throws Exception {
        try (Server server = Server.answering(out -> {
            out.write("HTTP/1.1 200 OK\r\ncontent-length: 104857600\r\n\r\n".getBytes(StandardCharsets.ISO_8859_1));
            byte[] megabyte = new byte[1 << 20];
            for (int i = 0; i < 100; i++) {
                out.write(megabyte);
            }
        })) {
            NoAnswer no = assertThrows(NoAnswer.class, () -> server.admin().ready());
            assertTrue(no.because().endsWith(" has more than 64 KiB"), no::because);
            no = assertThrows(NoAnswer.class, () -> RunningListener.of(server.admin()));
            assertTrue(no.because().endsWith(" has more than 32768 KiB"), no::because);
        }
    }

    /** A byte of a header now and then: no timeout of the socket's ever comes. */
    @Test
    void an_answer_that_never_ends_is_given_up() throws Exception {
        try (Server server = Server.answering(out -> {
            out.write("HTTP/1.1 200 OK\r\nx: ".getBytes(StandardCharsets.ISO_8859_1));
            while (true) {
                out.write('x');
                out.flush();
                Thread.sleep(50);
            }
        })) {
            NoAnswer no = assertThrows(
                    NoAnswer.class,
                    () -> server.admin(Duration.ofMillis(100), Duration.ofSeconds(9))
                            .ready());
            assertTrue(no.because().endsWith(" within 0.1 s") && no.because().contains("no whole answer"), no::because);
        }
    }

    @Test
    void answers_that_each_come_in_time_may_not_take_for_ever_together() throws Exception {
        try (Server server = Server.answering(out -> {
            Thread.sleep(30);
            out.write(http("200 OK", "LIVE\n").getBytes(StandardCharsets.ISO_8859_1));
        })) {
            Admin admin = server.admin(Duration.ofMinutes(1), Duration.ofMillis(300));
            NoAnswer no = assertThrows(NoAnswer.class, () -> {
                for (int i = 0; i < 100; i++) {
                    admin.ready();
                }
            });
            assertTrue(no.because().endsWith(" take more than 0.3 s in all"), no::because);
        }
    }

    @Test
    void an_envoy_that_does_not_know_a_field_is_asked_for_all_of_them() throws Exception {
        AtomicInteger asked = new AtomicInteger();
        try (Server server = Server.answering(out -> {
            boolean isMasked = asked.incrementAndGet() % 2 == 1;
            String clusters = "{\"configs\": [{\"cluster\": {\"name\": \"" + asked + "\"}}]}";
            String answer = isMasked ? http("400 Bad Request", "FieldMask") : http("200 OK", clusters);
            out.write(answer.getBytes(StandardCharsets.ISO_8859_1));
        })) {
            List<String> kinds = List.of("static_clusters", "dynamic_active_clusters");
            for (String kind : kinds) {
                var found = ConfigDump.of(server.admin(), kind, List.of("cluster.name"));
                assertEquals(1, found.size());
            }
            assertEquals(4, asked.get());
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"{},", "1,", "[[],[]],"})
    void millions_of_small_values_are_not_made_into_objects(String value) throws Exception {
        String body = "{\"configs\": [" + value.repeat(1_000_000) + "1]}";
        try (Server server = Server.answering(http("200 OK", body))) {
            NoAnswer no = assertThrows(NoAnswer.class, () -> RunningListener.of(server.admin()));
            assertTrue(no.because().endsWith(" has more than 1000000 values"), no::because);
        }
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "",
                "null",
                "[]",
                "{\"configs\": 7}",
                "{\"configs\": [7]}",
                "{\"configs\": [{\"listener\": []}]}",
                "{\"configs\": [{\"listener\": {\"address\": {\"socket_address\": {\"address\": \"nowhere\"}}}}]}",
                "{\"configs\": [{\"listener\": {\"address\": {\"socket_address\": {\"address\": \"::\", \"port_value\": \"x\"}}}}]}"
            })
    void listeners_that_are_nonsense_are_refused(String body) throws Exception {
        try (Server server = Server.answering(http("200 OK", body))) {
            NoAnswer no = assertThrows(NoAnswer.class, () -> RunningListener.of(server.admin()));
            assertTrue(no.because().endsWith("is not Envoy's"), no::because);
        }
    }

    @Test
    void a_deep_nest_of_brackets_is_refused_like_any_other_nonsense() throws Exception {
        try (Server server = Server.answering(http("200 OK", "[".repeat(100_000)))) {
            assertThrows(NoAnswer.class, () -> RunningListener.of(server.admin()));
        }
    }

    @Test
    void listeners_are_read_with_all_their_addresses() throws Exception {
        String body = """
                {"configs": [
                  {"listener": {"name": "a", "transparent": true,
                    "address": {"socket_address": {"address": "127.0.0.1", "port_value": 1}},
                    "additional_addresses": [{"address": {"socket_address": {"address": "::1", "port_value": 2}}}],
                    "listener_filters": [{"name": "any", "typed_config": {"@type":
                      "type.googleapis.com/envoy.extensions.filters.listener.original_dst.v3.OriginalDst"}}]}},
                  {"name": "b", "active_state": {"listener": {"name": "b", "bind_to_port": false,
                    "address": {"socket_address": {"protocol": "UDP", "address": "::", "port_value": 3}}}}},
                  {"name": "warming", "warming_state": {"listener": {"name": "c"}}},
                  {"listener": {"name": "d", "address": {"pipe": {"path": "/x"}}}}]}
                """;
        try (Server server = Server.answering(http("200 OK", body))) {
            var listeners = RunningListener.of(server.admin()).subList(0, 3);
            RunningListener a = listeners.getFirst();
            assertEquals("[127.0.0.1:1, [::1]:2]", a.sockets().toString());
            assertTrue(a.bound() && a.originalDestination() && a.transparent());
            RunningListener b = listeners.get(1);
            assertEquals("b", b.name());
            assertFalse(b.bound() || b.originalDestination() || b.transparent());
            assertTrue(b.sockets().getFirst().udp());
            assertEquals(0, listeners.get(2).sockets().size(), "a socket of the file system has no address");
        }
    }

    @ParameterizedTest
    @CsvSource({
        "9e558093/1.40.0/Clean/RELEASE/BoringSSL, 1.40.0, ''",
        "9e558093/1.36.2/Clean/RELEASE/BoringSSL, 1.36.2, ''",
        "/1.40.3-dev/Modified/DEBUG/BoringSSL-FIPS, 1.40.3-dev, ''",
        "9e558093/1.35.9/Clean/RELEASE/BoringSSL, 1.35.9, is older than 1.36",
        "9e558093/1.41.0/Clean/RELEASE/BoringSSL, 1.41.0, is newer than 1.40",
        "9e558093/2.0.0/Clean/RELEASE/BoringSSL, 2.0.0, is newer than 1.40"
    })
    void version_is_read_and_compared_with_those_that_were_tried(String said, String text, String remark)
            throws Exception {
        try (Server server = Server.answering(http("200 OK", "{\"version\": \"" + said + "\"}"))) {
            EnvoyVersion version = EnvoyVersion.of(server.admin());
            assertEquals(text, version.text());
            assertEquals(!remark.isEmpty(), version.isOld() || version.isNew());
            assertTrue(remark.isEmpty() || version.remark().startsWith("Envoy " + text + " " + remark + ", the "));
        }
    }

    @ParameterizedTest
    @ValueSource(
            strings = {"", "[]", "{}", "{\"version\": 1}", "{\"version\": \"1.40.0\"}", "{\"version\": \"a/x.y.z/\"}"})
    void version_that_is_nonsense_is_refused(String body) throws Exception {
        try (Server server = Server.answering(http("200 OK", body))) {
            NoAnswer no = assertThrows(NoAnswer.class, () -> EnvoyVersion.of(server.admin()));
            assertTrue(no.because().endsWith("to /server_info is not Envoy's"), no::because);
        }
    }
}
