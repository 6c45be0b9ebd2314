package io.meshcapture.doctor;

/** What a finding is about, in the order in which the page has them. */
public enum Topic {
    PRIVILEGES("privileges"),
    KERNEL("kernel"),
    LIBRARIES("libraries"),
    BACKEND("backend"),
    RULES("rules of others"),
    CONNTRACK("connection tracking"),
    ADDRESSES("addresses and sockets"),
    NAMES("names"),
    CALLERS("callers"),
    PLAN("the plan");

    private final String title;

    Topic(String title) {
        this.title = title;
    }

    /** Its heading. */
    public String title() {
        return title;
    }
}
