package io.meshcapture.config;

import io.meshcapture.plan.Origin;
import java.util.ArrayList;
import java.util.List;

/** Takes a text of a flag or an environment variable apart into the values of a list. */
enum ListText {
    /** The text is one value. */
    SINGLE,
    COMMAS,
    SPACES;

    /** The items of every text, in order; an empty one is kept, so that its type refuses it. */
    List<Placed<String>> items(List<String> texts, Origin origin) {
        List<Placed<String>> items = new ArrayList<>();
        for (String text : texts) {
            switch (this) {
                case SINGLE -> items.add(new Placed<>(text, origin));
                case COMMAS -> addCommas(text, origin, items);
                case SPACES -> addSpaces(text, origin, items);
            }
        }
        return items;
    }

    private static void addCommas(String text, Origin origin, List<Placed<String>> items) {
        int start = 0;
        for (int comma = text.indexOf(','); comma >= 0; comma = text.indexOf(',', start)) {
            items.add(new Placed<>(text.substring(start, comma), origin));
            start = comma + 1;
        }
        items.add(new Placed<>(text.substring(start), origin));
    }

    private static void addSpaces(String text, Origin origin, List<Placed<String>> items) {
        int start = 0;
        for (int i = 0; i <= text.length(); i++) {
            boolean space = i == text.length() || " \t\r\n".indexOf(text.charAt(i)) >= 0;
            if (space && i > start) {
                items.add(new Placed<>(text.substring(start, i), origin));
            }
            start = space ? i + 1 : start;
        }
    }
}
