package io.meshcapture.system;

import io.meshcapture.ffi.NameLookup;
import java.net.InetAddress;
import java.net.UnknownHostException;
import java.util.SortedSet;
import java.util.TreeSet;

/** Look-ups of names as programs in C make them, by all that nsswitch.conf(5) names. */
public final class HostLookup {
    private HostLookup() {}

    /**
     * The addresses of a name, each once; an IPv4-mapped one as the IPv4 address that it leads to. None where the name is
     * not known. A name that no file holds is asked of DNS, which may take seconds.
     *
     * @param ipv6 whether IPv6 addresses are asked for, else IPv4 addresses
     */
    public static SortedSet<String> of(String name, boolean ipv6) {
        SortedSet<String> addresses = new TreeSet<>();
        for (byte[] address : NameLookup.of(name, ipv6)) {
            try {
                addresses.add(InetAddress.getByAddress(address).getHostAddress());
            } catch (UnknownHostException e) {
                throw new IllegalStateException(e); // of 4 or 16 bytes, always
            }
        }
        return addresses;
    }
}
