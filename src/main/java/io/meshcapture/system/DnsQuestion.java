package io.meshcapture.system;

import io.meshcapture.plan.Address;
import java.io.IOException;
import java.net.DatagramPacket;
import java.net.DatagramSocket;
import java.net.InetAddress;
import java.nio.BufferUnderflowException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** A question in DNS over UDP (RFC 1035, section 4), and what a server answers to it. */
public final class DnsQuestion {
    private static final short RECURSION_DESIRED = 0x0100;
    private static final int AUTHORITATIVE = 0x0400;
    private static final int POINTER = 0xc0;
    private static final short A = 1;
    private static final short TXT = 16;
    private static final short INTERNET = 1;
    private static final short CHAOS = 3;

    /** What a server without EDNS may send. */
    private static final int MOST = 512;

    private final byte[] query;

    private DnsQuestion(short flags, String name, short type, short form) {
        ByteBuffer bytes = ByteBuffer.allocate(MOST);
        bytes.putShort((short) 0x6d63).putShort(flags);
        bytes.putShort((short) 1).putShort((short) 0).putShort((short) 0).putShort((short) 0);
        for (String label : name.split("\\.", -1)) {
            bytes.put((byte) label.length()).put(label.getBytes(StandardCharsets.US_ASCII));
        }
        bytes.put((byte) 0).putShort(type).putShort(form);
        query = Arrays.copyOf(bytes.array(), bytes.position());
    }

    /**
     * {@code version.bind}, class CHAOS (RFC 4892), without recursion: whoever speaks DNS answers it, if only with an error,
     * and asks nobody else.
     */
    public static DnsQuestion ofVersion() {
        return new DnsQuestion((short) 0, "version.bind", TXT, CHAOS);
    }

    /**
     * For the IPv4 addresses of a name. With recursion, without which systemd-resolved refuses to answer.
     *
     * @param name of ASCII labels of at most 63 characters, without a final dot
     */
    public static DnsQuestion of(String name) {
        return new DnsQuestion(RECURSION_DESIRED, name, A, INTERNET);
    }

    /** As it is sent. */
    public byte[] bytes() {
        return query.clone();
    }

    /**
     * What was answered.
     *
     * @param authoritative whether the server knows it from nobody else; dnsmasq says so of what it has read in a hosts file
     * @param addresses of IPv4, in their order
     */
    public record Answer(boolean authoritative, List<Address> addresses) {
        public Answer {
            addresses = List.copyOf(addresses);
        }
    }

    /**
     * Asks a server; null where it does not answer in time, or not with what can be read.
     *
     * @param patience at least a millisecond
     */
    public @Nullable Answer ask(Address server, Duration patience) {
        try (DatagramSocket socket = new DatagramSocket()) {
            socket.setSoTimeout((int) patience.toMillis());
            socket.connect(InetAddress.ofLiteral(server.toString()), 53);
            socket.send(new DatagramPacket(query, query.length));
            DatagramPacket answer = new DatagramPacket(new byte[MOST], MOST);
            socket.receive(answer);
            return read(ByteBuffer.wrap(answer.getData(), 0, answer.getLength()));
        } catch (IOException | BufferUnderflowException | IllegalArgumentException e) {
            return null; // nobody answers, or nobody who speaks DNS
        }
    }

    static Answer read(ByteBuffer bytes) {
        int flags = bytes.getShort(2);
        int questions = Short.toUnsignedInt(bytes.getShort(4));
        int answers = Short.toUnsignedInt(bytes.getShort(6));
        bytes.position(12);
        for (int i = 0; i < questions; i++) {
            skipName(bytes);
            bytes.getInt();
        }
        List<Address> addresses = new ArrayList<>();
        for (int i = 0; i < answers; i++) {
            skipName(bytes);
            short type = bytes.getShort();
            bytes.getShort();
            bytes.getInt();
            int length = Short.toUnsignedInt(bytes.getShort());
            if (type == A && length == 4) {
                addresses.add(Address.ipv4(bytes.getInt()));
            } else {
                bytes.position(bytes.position() + length);
            }
        }
        return new Answer((flags & AUTHORITATIVE) != 0, addresses);
    }

    private static void skipName(ByteBuffer bytes) {
        int length = Byte.toUnsignedInt(bytes.get());
        while (length != 0 && length < POINTER) {
            bytes.position(bytes.position() + length);
            length = Byte.toUnsignedInt(bytes.get());
        }
        if (length >= POINTER) {
            bytes.get();
        }
    }
}
