import java.net.InetAddress;
import java.util.TreeSet;

/** Prints the addresses that a JVM finds for a name, each once. */
final class Lookup {
    private Lookup() {}

    public static void main(String[] args) throws Exception {
        TreeSet<String> addresses = new TreeSet<>();
        for (InetAddress address : InetAddress.getAllByName(args[0])) {
            // an IPv4-mapped address becomes the IPv4 address that the kernel takes it for
            addresses.add(InetAddress.getByAddress(address.getAddress()).getHostAddress());
        }
        System.out.println(String.join(" ", addresses));
    }
}
