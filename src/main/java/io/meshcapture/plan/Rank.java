package io.meshcapture.plan;

/**
 * How narrowly a service names its callers, narrowest first: the order in which services are asked. Services that capture by
 * name are asked before all guards about addresses, because theirs are loopback addresses that nobody else has.
 */
public enum Rank {
    NAME("name"),
    CGROUP("cgroup or unit"),
    USER("user"),
    GROUP("group"),
    ANY("any caller");

    private final String label;

    Rank(String label) {
        this.label = label;
    }

    /** As people say it. */
    public String label() {
        return label;
    }
}
