package io.meshcapture.cli;

import io.meshcapture.verbs.Progress;
import org.jspecify.annotations.Nullable;

/** Says what is waited for, each new sentence once; rewrites its line on a terminal. */
final class SpokenProgress implements Progress {

    private final Invocation invocation;
    private final boolean terminal;
    private String last = "";
    private volatile @Nullable String ifInterrupted;
    private boolean hooked;

    /**
     * Begins silently.
     *
     * @param terminal whether a line can be rewritten
     */
    SpokenProgress(Invocation invocation, boolean terminal) {
        this.invocation = invocation;
        this.terminal = terminal;
    }

    @Override
    public void waiting(String sentence) {
        if (sentence.equals(last)) {
            return;
        }
        last = sentence;
        if (terminal) {
            invocation.err().print("\r\u001b[Kmeshcapture: " + sentence);
        } else {
            invocation.say(sentence);
        }
        invocation.err().flush();
    }

    @Override
    public void ifInterrupted(@Nullable String sentence) {
        ifInterrupted = sentence;
        if (sentence != null && !hooked) {
            hooked = true;
            // Ctrl-C and SIGTERM end the JVM through its shutdown hooks
            Runtime.getRuntime().addShutdownHook(Thread.ofPlatform().unstarted(this::sayInterrupted));
        }
        if (sentence == null && terminal && !last.isEmpty()) {
            invocation.err().println();
            last = "";
        }
    }

    private void sayInterrupted() {
        String sentence = ifInterrupted;
        if (sentence != null) {
            if (terminal) {
                invocation.err().println();
            }
            invocation.note(sentence);
            invocation.err().flush();
        }
    }
}
