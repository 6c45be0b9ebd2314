package io.meshcapture.system;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;

/** A file that is a mount point: at its path another one is seen than in other mount namespaces. */
public final class MountedFile {
    private static final Path MOUNTS = Path.of("/proc/thread-self/mountinfo");
    private static final String DELETED = "//deleted";

    private MountedFile() {}

    /**
     * Which file is mounted at a path: the file system, and the path in there, as in {@code 8:1 /etc/netns/a/hosts}. The inode
     * would not do: that of an overlay may change with the first byte that is written to it.
     *
     * @param path absolute
     * @return the empty text where nothing is mounted there, or nobody can tell
     */
    public static String at(Path path) {
        try {
            return in(ProcFile.read(MOUNTS), path);
        } catch (IOException e) {
            return "";
        }
    }

    /** The same of a text such as the kernel's; of mounts over each other the last one is seen. */
    static String in(String mounts, Path path) {
        String point = escaped(path);
        String found = "";
        for (String line : mounts.lines().toList()) {
            // 36 35 98:0 /root /mount/point rw,noatime - ext3 /dev/root rw
            String[] words = line.split(" ", 6);
            if (words.length == 6 && words[4].equals(point)) {
                // who has it mounted keeps a file that was replaced outside, and what is remembered of it
                String root = words[3].endsWith(DELETED)
                        ? words[3].substring(0, words[3].length() - DELETED.length())
                        : words[3];
                found = words[2] + " " + root;
            }
        }
        return found;
    }

    /** As the kernel writes it (mangle_path): bytes, of which four are octal. */
    private static String escaped(Path path) {
        String bytes = new String(path.toString().getBytes(StandardCharsets.UTF_8), StandardCharsets.ISO_8859_1);
        return bytes.replace("\\", "\\134")
                .replace(" ", "\\040")
                .replace("\t", "\\011")
                .replace("\n", "\\012");
    }
}
