package io.meshcapture.plan;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class DestinationTest {

    private static final Origin HERE = new Origin("plan.yaml", 1, 2);

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "10.0.0.0/8|10.0.0.0/8",
                "10.0.0.0/8:443|10.0.0.0/8:443",
                "10.0.0.1:80,443,8000-8100|10.0.0.1:80,443,8000-8100",
                "10.0.0.1:443,80|10.0.0.1:80,443",
                ":22|:22",
                ":8000-8100,22|:22,8000-8100",
                "::1|::1",
                "::|::",
                "::/0|::/0",
                "fd00::/8|fd00::/8",
                "[fd00::/8]|fd00::/8",
                "[fd00::/8]:443|[fd00::/8]:443",
                "[::1]:80,443|[::1]:80,443",
                "[::ffff:10.0.0.1]:80|10.0.0.1:80",
                "1::2:443|1::2:443"
            })
    void writes_what_it_read(String text, String canonical) throws BadValue {
        Destination destination = Destination.parse(text, HERE);
        assertEquals(canonical, destination.toString());
        assertEquals(destination, Destination.parse(canonical, HERE));
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "''|destination \"\" is empty",
                ":|port list \"\" has an empty item",
                "10.0.0.1:|port list \"\" has an empty item",
                "[::1]:|port list \"\" has an empty item",
                "10.0.0.1:0|port \"0\" is out of range (1-65535)",
                "10.0.0.1:70000|port \"70000\" is out of range (1-65535)",
                "10.0.0.1:http|port \"http\" is not a decimal number",
                "[::1|destination \"[::1\" has an unmatched bracket",
                "[::1]80|destination \"[::1]80\" has an unmatched bracket",
                "[10.0.0.1]:80|destination \"[10.0.0.1]:80\" has brackets around something other than an IPv6 address",
                "[]:80|destination \"[]:80\" has brackets around something other than an IPv6 address",
                "[fd00::]/8:443|destination \"[fd00::]/8:443\" has an unmatched bracket",
                "fd00::/8:443|destination \"fd00::/8:443\" has an IPv6 address and ports without brackets",
                "10.0.0.0/8,10.1.0.0/16|destination \"10.0.0.0/8,10.1.0.0/16\" has a comma outside its ports",
                "10.0.0.1,10.0.0.2:80|destination \"10.0.0.1,10.0.0.2:80\" has a comma outside its ports",
                "10.0.0.1:80:90|address \"10.0.0.1:80:90\" is not an IP address",
                "10.0.0.0/8:80/tcp|port \"80/tcp\" is not a decimal number",
                "example.com:443|destination \"example.com:443\" is a name, and connections are told by their address",
                "any|destination \"any\" is a name, and connections are told by their address",
                "22|destination \"22\" is a port without its colon",
                "443-500|destination \"443-500\" is a port without its colon",
                "10.0.0.1 :80|address \"10.0.0.1 \" is not an IP address",
                "fe80::1%eth0|address \"fe80::1%eth0\" has a zone"
            })
    void refuses_what_is_no_destination(String text, String what) {
        assertEquals(
                what,
                assertThrows(BadValue.class, () -> Destination.parse(text, HERE))
                        .what());
    }

    @Test
    void names_networks_of_both_families_where_it_names_none() throws BadValue {
        assertEquals(List.of(Network.ALL_IPV4), Destination.any(HERE).networks(Family.IPV4));
        assertEquals(List.of(Network.ALL_IPV6), Destination.parse(":80", HERE).networks(Family.IPV6));
        assertEquals(List.of(), Destination.parse("10.0.0.1", HERE).networks(Family.IPV6));
        assertEquals("any", Destination.any(HERE).toString());
    }
}
