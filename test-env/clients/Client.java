import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.net.InetAddress;
import java.net.Socket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.KeyStore;
import java.security.cert.CertificateFactory;
import java.time.Duration;
import javax.net.ssl.SSLContext;
import javax.net.ssl.TrustManagerFactory;

/**
 * A JVM client that knows nothing of Envoy or meshcapture. Its sockets are dual-stack, as they are by default: it
 * calls IPv4 addresses as {@code ::ffff:a.b.c.d}, which must be captured as IPv4.
 *
 * <pre>
 *   java Client.java get HTTP_1_1|HTTP_2 URL [CERTIFICATE]
 *   java Client.java talk HOST PORT LINE      sends the line, prints the answer
 *   java Client.java greeting HOST PORT       prints what the server says first
 * </pre>
 */
final class Client {
    private static final Duration PATIENCE = Duration.ofSeconds(10);

    public static void main(String... args) throws Exception {
        System.out.println(
                switch (args[0]) {
                    case "get" -> get(args);
                    case "talk" -> talk(args[1], Integer.parseInt(args[2]), args[3] + "\n");
                    case "greeting" -> talk(args[1], Integer.parseInt(args[2]), "");
                    default -> throw new IllegalArgumentException(args[0]);
                });
    }

    private static String get(String... args) throws Exception {
        var client = HttpClient.newBuilder()
                .version(HttpClient.Version.valueOf(args[1]))
                .connectTimeout(PATIENCE);
        if (args.length > 3) {
            client.sslContext(trusting(Path.of(args[3])));
        }
        var request = HttpRequest.newBuilder(URI.create(args[2])).timeout(PATIENCE);
        return client.build().send(request.build(), BodyHandlers.ofString()).body().strip();
    }

    private static SSLContext trusting(Path certificate) throws Exception {
        var store = KeyStore.getInstance(KeyStore.getDefaultType());
        store.load(null, null);
        try (var in = Files.newInputStream(certificate)) {
            store.setCertificateEntry("upstream", CertificateFactory.getInstance("X.509").generateCertificate(in));
        }
        var trust = TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
        trust.init(store);
        var context = SSLContext.getInstance("TLS");
        context.init(null, trust.getTrustManagers(), null);
        return context;
    }

    private static String talk(String host, int port, String line) throws IOException {
        try (var socket = new Socket(InetAddress.getByName(host), port)) {
            socket.setSoTimeout((int) PATIENCE.toMillis());
            socket.getOutputStream().write(line.getBytes());
            return new BufferedReader(new InputStreamReader(socket.getInputStream())).readLine();
        }
    }
}
