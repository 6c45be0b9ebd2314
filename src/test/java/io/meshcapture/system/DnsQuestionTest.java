package io.meshcapture.system;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import io.meshcapture.plan.Address;
import io.meshcapture.system.DnsQuestion.Answer;
import java.nio.BufferUnderflowException;
import java.nio.ByteBuffer;
import java.util.HexFormat;
import java.util.List;
import org.junit.jupiter.api.Test;

/** DNS messages as they are on the wire. */
class DnsQuestionTest {
    private static final String ASKED = "026462076578616d706c6500" + "0001" + "0001"; // db.example

    private static Answer read(String hex) {
        return DnsQuestion.read(ByteBuffer.wrap(HexFormat.of().parseHex(hex)));
    }

    @Test
    void aQuestionIsOneForAddressesOfIpv4WithRecursion() {
        assertEquals(
                "6d63" + "0100" + "0001000000000000" + ASKED,
                HexFormat.of().formatHex(DnsQuestion.of("db.example").bytes()));
    }

    @Test
    void addressesAreReadBehindAnAliasWhoseNamesArePointers() {
        String alias = "c00c" + "0005" + "0001" + "0000003c" + "0002" + "c00f";
        String address = "c00f" + "0001" + "0001" + "0000003c" + "0004" + "0a000009";
        assertEquals(
                new Answer(true, List.of(Address.ipv4(0x0a000009))),
                read("6d63" + "8580" + "0001000200000000" + ASKED + alias + address));
    }

    @Test
    void whatIsNotKnownHasNoAddressesAndHalfAMessageIsNone() {
        assertEquals(new Answer(false, List.of()), read("6d63" + "8183" + "0001000000000000" + ASKED));
        assertThrows(
                BufferUnderflowException.class,
                () -> read("6d63" + "8580" + "0001000100000000" + ASKED + "c00c" + "0001" + "0001"));
    }
}
