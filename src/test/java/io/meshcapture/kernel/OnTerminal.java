package io.meshcapture.kernel;

import io.meshcapture.lab.Background;
import io.meshcapture.lab.Lab;

/** The distribution on a real pty, made by script(1). */
final class OnTerminal {
    private OnTerminal() {}

    static Background start(Lab lab, int width, String command) {
        return lab.background(
                "script",
                "--quiet",
                "--flush",
                "--command",
                "stty cols " + width + " rows 20; exec " + Program.DISTRIBUTION + " " + command,
                "/dev/null");
    }

    /** What is left of a line on the screen. */
    static String shown(String line) {
        return line.replaceAll("\u001b\\[[0-9]*[A-Za-z]", "").replace("\r", "");
    }
}
