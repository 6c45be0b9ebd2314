package io.meshcapture.envoy;

import java.util.List;

/** One line for each request or connection: when, who, where to, for which service, and what became of it. */
final class AccessLog {

    private static final String BOTH = "[%START_TIME%] listener %DOWNSTREAM_DIRECT_LOCAL_ADDRESS%:"
            + " %DOWNSTREAM_REMOTE_ADDRESS% asked for %DOWNSTREAM_LOCAL_ADDRESS%, went to %UPSTREAM_REMOTE_ADDRESS% ";

    private AccessLog() {}

    static List<Message> http(String service) {
        return line("(%PROTOCOL% %REQ(:METHOD)% %REQ(:AUTHORITY)%%REQ(:PATH)% answered %RESPONSE_CODE%,"
                + " flags %RESPONSE_FLAGS%), " + service);
    }

    static List<Message> tcp(String service) {
        return line("(TCP, TLS name %REQUESTED_SERVER_NAME%, %BYTES_RECEIVED% bytes there, %BYTES_SENT% back,"
                + " flags %RESPONSE_FLAGS%), " + service);
    }

    private static List<Message> line(String rest) {
        Message format =
                new Message().with("text_format_source", new Message().with("inline_string", BOTH + rest + "\n"));
        return List.of(Message.extension(
                "envoy.access_loggers.stdout",
                "access_loggers.stream.v3.StdoutAccessLog",
                new Message().with("log_format", format)));
    }
}
