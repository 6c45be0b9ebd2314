package io.meshcapture.backend.nftables;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class NftKeyTest {

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '`',
            value = {
                "1001 . 10.0.0.0/8 . 80 | 1001 . 10.0.0.0/8 . 80",
                "1001 . ::102:304 . 80 | 1001 . ::1.2.3.4 . 80",
                "80-90 . ::/0 | 80-90 . ::/0",
                "FD00:0:0::1/128 | fd00::1",
                "2001:db8:0:0:1:0:0:1 . 7 | 2001:db8::1:0:0:1 . 7",
                "\"a/b\" . ::102:304 . 80 | \"a/b\" . ::1.2.3.4 . 80",
                "\"a:b\" . 10.0.0.1 | \"a:b\" . 10.0.0.1",
                "\"::102:304\" . 1 | \"::102:304\" . 1",
                "fd00::1-fd00::9 | fd00::1-fd00::9",
                "not:an:address | not:an:address",
            })
    void has_one_spelling(String listed, String canonical) {
        assertEquals(canonical, NftKey.canonical(listed));
        assertEquals(canonical, NftKey.canonical(canonical));
    }

    @Test
    void falls_apart_into_its_fields() {
        assertEquals(List.of("1001", "10.0.0.0/8", "80"), NftKey.fields("1001 . 10.0.0.0/8 . 80"));
        assertEquals(List.of("101"), NftKey.fields("101"));
        assertEquals(List.of(""), NftKey.fields(""));
    }
}
