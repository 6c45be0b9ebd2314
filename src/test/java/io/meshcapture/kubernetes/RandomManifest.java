package io.meshcapture.kubernetes;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Random;

/** A manifest of a few objects, whose mappings and lists are lines or brackets by chance, with comments and odd texts. */
final class RandomManifest {
    private static final List<String> TEXTS = List.of(
            "app",
            "'it''s'",
            "\"a # b\"",
            "yes",
            "0x1F",
            "\"\\u00e9 🚀\"",
            "ünï 🚀",
            "1e3",
            "\"\"",
            "a:b",
            "\"{}\"",
            "~");
    private static final List<String> KINDS = List.of("Pod", "Deployment", "Job", "CronJob", "Service");

    private final Random random;
    private final StringBuilder out = new StringBuilder();
    private final String end;
    private int anchors;

    RandomManifest(Random random) {
        this.random = random;
        this.end = random.nextInt(5) == 0 ? "\r\n" : "\n";
    }

    String text() {
        int documents = 1 + random.nextInt(3);
        for (int i = 0; i < documents; i++) {
            out.append(i == 0 && random.nextBoolean() ? "" : "---" + (chance(4) ? " # one more" : "") + end);
            comment(0);
            object(i == 0 ? "Pod" : KINDS.get(random.nextInt(KINDS.size())));
        }
        return out.toString();
    }

    private void object(String kind) {
        List<Runnable> fields = new ArrayList<>();
        fields.add(() -> line(0, "apiVersion: v1"));
        fields.add(() -> line(0, "kind: " + kind));
        fields.add(() -> line(0, "metadata: {name: n" + random.nextInt(9) + "}"));
        fields.add(() -> {
            switch (kind) {
                case "Pod" -> spec("spec:", 2);
                case "CronJob" -> {
                    line(0, "spec:");
                    line(2, "jobTemplate:");
                    line(4, "spec:");
                    line(6, "template:");
                    spec("        spec:", 10);
                }
                default -> {
                    line(0, "spec:");
                    line(1, "template:");
                    spec("    spec:", 7);
                }
            }
        });
        Collections.shuffle(fields, random);
        fields.forEach(Runnable::run);
    }

    private void spec(String key, int column) {
        if (chance(4)) {
            out.append(key).append(" {containers: [{name: ").append(word()).append("}]");
            out.append(chance(2) ? ", initContainers: [{name: first}]" : "")
                    .append("}")
                    .append(end);
            return;
        }
        out.append(key)
                .append(chance(5) ? " &s" + anchors++ : "")
                .append(chance(5) ? " # its pods" : "")
                .append(end);
        List<Runnable> fields = new ArrayList<>();
        fields.add(() -> list(column, "containers", 1 + random.nextInt(2)));
        if (chance(2)) {
            fields.add(() -> list(column, "initContainers", 1 + random.nextInt(2)));
        } else if (chance(4)) {
            fields.add(() -> line(column, "initContainers: []"));
        }
        fields.add(() -> line(column, "restartPolicy: Never" + (chance(3) ? "  # ever" : "")));
        fields.add(() -> line(column, "hostname: " + word()));
        if (chance(4)) {
            fields.add(() -> line(column, chance(2) ? "volumes: [ ]" : "volumes: [{name: theirs}]"));
        }
        if (chance(4)) {
            fields.add(() -> {
                line(column, "hostAliases:");
                line(column, "- hostnames: [theirs]");
            });
        }
        if (chance(3)) {
            fields.add(() -> {
                line(column, "note: " + (chance(2) ? "|" : ">-"));
                line(column + 2, "# not a comment");
                line(column + 2, "- name: meshcapture");
            });
        }
        Collections.shuffle(fields, random);
        fields.forEach(field -> {
            comment(column);
            field.run();
        });
    }

    private void list(int column, String key, int size) {
        if (chance(4)) {
            line(column, key + ": [{name: c" + random.nextInt(9) + "}" + (size > 1 ? " , {name: \"d\"}" : "") + " ]");
            return;
        }
        line(column, key + ":" + (chance(4) ? " # " + key : ""));
        int inner = column + (chance(2) ? 2 : 0);
        for (int i = 0; i < size; i++) {
            comment(inner);
            boolean port = chance(2);
            String image = "image: " + word() + (chance(4) ? " # pinned" : "");
            if (chance(2)) {
                line(inner, "- " + image); // as kubectl sorts them
                line(inner + 2, "name: " + word());
            } else {
                line(inner, "- name: " + word());
                line(inner + 2, image);
            }
            if (port) {
                line(inner + 2, "livenessProbe: {httpGet: {port: " + (1 + random.nextInt(65535)) + "}}");
            }
            for (String list : List.of("env", "volumeMounts")) {
                if (chance(6)) {
                    line(inner + 2, list + ": [" + (chance(2) ? "" : "{name: theirs}") + "]");
                } else if (chance(6)) {
                    line(inner + 2, list + ":");
                    line(inner + (chance(2) ? 2 : 4), "- name: theirs");
                }
            }
            if (chance(5)) {
                line(inner + 2, "command:");
                line(inner + 2, "- &a" + anchors + " x");
                line(inner + 2, "- *a" + anchors++);
            }
        }
    }

    private void comment(int column) {
        if (chance(4)) {
            line(chance(3) ? 0 : column, "# a comment, containers: []");
        }
        if (chance(8)) {
            out.append(end);
        }
    }

    private void line(int column, String text) {
        out.append(" ".repeat(column)).append(text).append(end);
    }

    private String word() {
        return TEXTS.get(random.nextInt(TEXTS.size()));
    }

    private boolean chance(int in) {
        return random.nextInt(in) == 0;
    }
}
