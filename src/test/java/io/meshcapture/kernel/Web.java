package io.meshcapture.kernel;

import com.sun.net.httpserver.HttpServer;
import io.meshcapture.lab.Identity;
import io.meshcapture.lab.Run;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;

/** A small HTTP server in the namespace of the thread that starts it: says who it is and which Host was asked for. */
record Web(HttpServer server) implements AutoCloseable {

    static Web answering(String name, String address, int port) throws IOException {
        HttpServer server = HttpServer.create(new InetSocketAddress(address, port), 0);
        server.createContext("/", exchange -> {
            byte[] text =
                    (name + " for " + exchange.getRequestHeaders().getFirst("Host")).getBytes(StandardCharsets.UTF_8);
            exchange.sendResponseHeaders(200, text.length);
            exchange.getResponseBody().write(text);
            exchange.close();
        });
        server.start();
        return new Web(server);
    }

    /** What an application hears, or curl's complaint. */
    static String ask(String... arguments) {
        String[] curl = Identity.APPLICATION.setpriv("curl", "-sS", "-m5");
        String[] command = Arrays.copyOf(curl, curl.length + arguments.length);
        System.arraycopy(arguments, 0, command, curl.length, arguments.length);
        Run.Result result = Run.command(command);
        return result.exit() == 0 ? result.out() : result.err();
    }

    @Override
    public void close() {
        server.stop(0);
    }
}
