package io.meshcapture.doctor;

import java.util.List;

/** Whether a service of the distribution empties the whole ruleset when it is reloaded, ours included. */
record RulesetReload(HostFiles files) implements Examination {

    private static final List<String> CONFIGURATIONS = List.of("/etc/nftables.conf", "/etc/sysconfig/nftables.conf");
    private static final List<String> WANTED_BY = List.of("sysinit.target", "multi-user.target", "network-pre.target");

    @Override
    public List<Finding> examine() {
        boolean enabled = WANTED_BY.stream()
                .anyMatch(target -> files.isThere("/etc/systemd/system/" + target + ".wants/nftables.service"));
        for (String file : CONFIGURATIONS) {
            String text = files.read(file);
            if (enabled && text != null && text.lines().map(String::strip).anyMatch("flush ruleset"::equals)) {
                return List.of(Finding.warning(
                        Topic.RULES,
                        "rules.flush-ruleset",
                        file + " says \"flush ruleset\", and nftables.service is enabled",
                        "systemctl reload nftables deletes all tables, ours included, and resets captured connections",
                        "let it delete its own tables only (\"destroy table inet filter\" in place of \"flush ruleset\"),"
                                + " or apply again after each reload"));
            }
        }
        return List.of();
    }
}
