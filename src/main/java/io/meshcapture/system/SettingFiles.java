package io.meshcapture.system;

import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * The files that say how another program is set, of which the last one that says something counts.
 *
 * @param places files, and directories of files {@code *.conf} in the order of their names
 */
public record SettingFiles(List<Path> places) {

    public SettingFiles {
        places = List.copyOf(places);
    }

    /** Of Podman and Buildah, for all users (containers.conf(5)). */
    public static SettingFiles ofContainers(Path root) {
        return of(
                root,
                "usr/share/containers/containers.conf",
                "usr/share/containers/containers.conf.d",
                "etc/containers/containers.conf",
                "etc/containers/containers.conf.d");
    }

    /** Of systemd-resolved (resolved.conf(5)). */
    public static SettingFiles ofResolved(Path root) {
        return of(
                root,
                "usr/lib/systemd/resolved.conf",
                "etc/systemd/resolved.conf",
                "usr/lib/systemd/resolved.conf.d",
                "run/systemd/resolved.conf.d",
                "etc/systemd/resolved.conf.d");
    }

    private static SettingFiles of(Path root, String... places) {
        return new SettingFiles(List.of(places).stream().map(root::resolve).toList());
    }

    /** What a setting is, without quotes; the empty text where nobody says it. */
    public String last(String key) {
        Pattern line = Pattern.compile("(?m)^[ \\t]*" + key + "[ \\t]*=[ \\t]*([\"']?)([^\"'#\\s]*)\\1");
        String value = "";
        for (Path place : places) {
            for (Path file : Files.isDirectory(place) ? in(place) : List.of(place)) {
                Matcher said = line.matcher(text(file));
                while (said.find()) {
                    value = said.group(2);
                }
            }
        }
        return value;
    }

    private static String text(Path file) {
        try {
            return Files.readString(file);
        } catch (IOException e) {
            return ""; // not there, or no text
        }
    }

    private static List<Path> in(Path directory) {
        List<Path> files = new ArrayList<>();
        try (DirectoryStream<Path> all = Files.newDirectoryStream(directory, "*.conf")) {
            all.forEach(files::add);
        } catch (IOException e) {
            return List.of(); // gone meanwhile
        }
        Collections.sort(files);
        return files;
    }
}
