package io.meshcapture.lab;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.meshcapture.lab.Verdict.Direct;
import io.meshcapture.lab.Verdict.Proxied;
import org.junit.jupiter.api.Test;

@InNetns
class LabKernelIT {
    private static final String CAPTURE = """
            table inet t {
              chain out { type nat hook output priority -100
                oifname lo return
                meta skuid 1337 return
                meta l4proto tcp redirect to :15001
              }
            }
            """;

    @Test
    void ipv4_connection_lands_on_the_proxy(Lab lab) {
        lab.proxy(15001);
        lab.nft().apply(CAPTURE);
        assertEquals(
                new Proxied(15001, "10.99.0.1:8080"), lab.caller().uid(1000).connect("10.99.0.1:8080"));
    }

    @Test
    void ipv6_connection_lands_on_the_proxy(Lab lab) {
        lab.proxy(15001);
        lab.nft().apply(CAPTURE);
        assertEquals(
                new Proxied(15001, "[fd99::1]:8080"), lab.caller().uid(1000).connect("[fd99::1]:8080"));
    }

    @Test
    void envoys_own_connection_goes_direct(Lab lab) {
        lab.proxy(15001);
        lab.server(8080);
        lab.nft().apply(CAPTURE);
        assertEquals(new Direct("10.99.0.1:8080"), lab.caller().uid(1337).connect("10.99.0.1:8080"));
        assertEquals(new Direct("[2001:db8::7]:8080"), lab.caller().uid(1337).connect("[2001:db8::7]:8080"));
    }
}
