package io.meshcapture.system;

import java.io.FileInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;

/** Small files of the kernel's. */
final class ProcFile {
    private ProcFile() {}

    /**
     * The whole text. Not by java.nio.file.Files: it trusts the size, which is 0 here, and then reads a first single byte,
     * after which a sysctl file has no more to give (proc_dointvec in kernel/sysctl.c).
     */
    static String read(Path path) throws IOException {
        try (InputStream file = new FileInputStream(path.toFile())) {
            StringBuilder text = new StringBuilder();
            byte[] buffer = new byte[16 * 1024];
            for (int length = file.read(buffer); length > 0; length = file.read(buffer)) {
                text.append(new String(buffer, 0, length, StandardCharsets.ISO_8859_1));
            }
            return text.toString();
        }
    }
}
