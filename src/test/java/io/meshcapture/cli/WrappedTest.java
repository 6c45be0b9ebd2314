package io.meshcapture.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.meshcapture.verbs.Screen;
import org.junit.jupiter.api.Test;

class WrappedTest {
    private static final String SENTENCE = "captured connections go there, so each would fail";

    @Test
    void sentence_is_broken_between_words_and_goes_on_where_it_began() {
        assertEquals(
                "captured connections\n    go there, so each\n    would fail",
                Wrapped.of(SENTENCE, 4, new Screen(24, 20)));
    }

    @Test
    void sentence_stays_whole_where_there_is_no_terminal_and_a_word_where_there_is_no_room() {
        assertEquals(SENTENCE, Wrapped.of(SENTENCE, 4, null));
        assertEquals("a\n" + "b".repeat(40), Wrapped.of("a " + "b".repeat(40), 0, new Screen(30, 20)));
    }
}
