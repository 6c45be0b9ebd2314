package io.meshcapture.config;

import org.yaml.snakeyaml.error.Mark;

/** Well-formed YAML that a plan may not contain; ends the reading of the document. */
final class YamlRefused extends RuntimeException {
    private static final long serialVersionUID = 1L;

    private final transient Mark mark;
    private final String what;
    private final String mend;

    YamlRefused(Mark mark, String what, String mend) {
        super(what, null, false, false);
        this.mark = mark;
        this.what = what;
        this.mend = mend;
    }

    Mark mark() {
        return mark;
    }

    String what() {
        return what;
    }

    String mend() {
        return mend;
    }
}
