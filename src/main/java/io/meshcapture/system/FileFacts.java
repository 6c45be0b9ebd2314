package io.meshcapture.system;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.util.Map;
import java.util.Objects;

/**
 * What the kernel says about a file (stat(2)).
 *
 * @param identity its device and inode, as {@code 64513:1234}
 * @param links how many names it has; 0 for one that was replaced while it is mounted or open
 * @param owner its uid
 * @param writableByOthers whether its group or everybody may write to it
 * @param regular whether it is a regular file
 * @param directory whether it is a directory
 * @param modified when its content changed last
 */
public record FileFacts(
        String identity,
        int links,
        int owner,
        boolean writableByOthers,
        boolean regular,
        boolean directory,
        FileTime modified) {

    /** S_IWGRP and S_IWOTH. */
    private static final int OTHERS_WRITE = 022;

    public static FileFacts of(Path path, LinkOption... options) throws IOException {
        Map<String, Object> read = Files.readAttributes(
                path, "unix:dev,ino,nlink,uid,mode,isRegularFile,isDirectory,lastModifiedTime", options);
        return new FileFacts(
                value(read, "dev", Long.class) + ":" + value(read, "ino", Long.class),
                value(read, "nlink", Integer.class),
                value(read, "uid", Integer.class),
                (value(read, "mode", Integer.class) & OTHERS_WRITE) != 0,
                value(read, "isRegularFile", Boolean.class),
                value(read, "isDirectory", Boolean.class),
                value(read, "lastModifiedTime", FileTime.class));
    }

    private static <T> T value(Map<String, Object> attributes, String name, Class<T> type) {
        return type.cast(Objects.requireNonNull(attributes.get(name), name));
    }
}
