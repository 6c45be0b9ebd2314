package io.meshcapture.backend.nftables;

import io.meshcapture.plan.BadValue;
import io.meshcapture.plan.Network;
import java.util.ArrayList;
import java.util.List;

/** The key of an element: fields with {@code " . "} between them. */
final class NftKey {
    private NftKey() {}

    static List<String> fields(String key) {
        List<String> fields = new ArrayList<>(5);
        int start = 0;
        for (int dot = key.indexOf(" . "); dot >= 0; dot = key.indexOf(" . ", start)) {
            fields.add(key.substring(start, dot));
            start = dot + 3;
        }
        fields.add(key.substring(start));
        return fields;
    }

    /**
     * The key in our own spelling: IPv6 addresses as {@link Network} prints them, since C libraries differ in some
     * ({@code ::1.2.3.4} and {@code ::102:304} are one).
     */
    static String canonical(String key) {
        if (key.indexOf(':') < 0) {
            return key;
        }
        StringBuilder text = new StringBuilder(key.length());
        for (String field : fields(key)) {
            boolean canBeAddress = field.indexOf(':') >= 0 && field.indexOf('"') < 0;
            text.append(text.isEmpty() ? "" : " . ").append(canBeAddress ? address(field) : field);
        }
        return text.toString();
    }

    private static String address(String field) {
        try {
            Network network = Network.parse(field);
            return network.prefix() == 0 ? network.base() + "/0" : network.toString();
        } catch (BadValue e) {
            return field; // a range or something else that is not ours; it stays as it is and shows up as drift
        }
    }
}
