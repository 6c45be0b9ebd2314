package io.meshcapture.verbs;

import io.meshcapture.backend.Backend;
import io.meshcapture.backend.LiveState;
import io.meshcapture.doctor.Finding;
import io.meshcapture.doctor.OtherMesh;
import io.meshcapture.doctor.Severity;
import io.meshcapture.doctor.Topic;
import io.meshcapture.failure.Failure;
import io.meshcapture.plan.Plan;
import io.meshcapture.system.Privileges;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** What capture is written with on this host, or would be, and why: what doctor says of the backends. */
final class WrittenWith {

    private static final String SHADOW = "rules.shadow";

    /** What is a problem for nftables alone. */
    private static final Set<String> OF_NFTABLES = Set.of("libraries.libnftables", "kernel.nf-tables");

    private final Backends backends;
    private final List<Finding> findings;

    private WrittenWith(Backends backends, List<Finding> findings) {
        this.backends = backends;
        this.findings = findings;
    }

    /**
     * Adds what there is to say to what was found of the host.
     *
     * @param plan the one that is to be applied; null where there is none
     */
    static List<Finding> added(@Nullable Plan plan, List<Finding> findings) {
        if (!Privileges.isNetAdmin()) {
            return findings; // that is said already, and nobody would let us look
        }
        List<Finding> all = new ArrayList<>(findings);
        try (Backends backends = Backends.open()) {
            new WrittenWith(backends, all).say(plan);
        } catch (Failure untold) {
            return all; // without any of them: that is said already
        }
        return all;
    }

    private void say(@Nullable Plan plan) {
        Backends.Choice choice;
        try {
            choice = plan == null ? backends.automatic() : backends.of(plan);
            choice.backend().requireUsable();
        } catch (Failure.Unavailable unusable) {
            List<String> said = findings.stream().map(Finding::what).toList();
            Finding.of(Topic.BACKEND, "backend.unusable", unusable).stream()
                    .filter(one -> !said.contains(one.what()))
                    .forEach(findings::add);
            return;
        }
        String name = choice.backend().name();
        List<Backend> others = backends.besides(choice.backend());
        if (others.isEmpty()) {
            findings.add(Finding.ok(
                    Topic.BACKEND, "backend.choice", "capture is written with " + name + ": " + choice.why()));
        } else {
            findings.add(Finding.note(
                    Topic.BACKEND,
                    "backend.elsewhere",
                    "what is captured here was written with "
                            + others.getFirst().name() + ", and "
                            + (plan == null ? "a plan that asks for none" : "the plan") + " takes " + name,
                    choice.why(),
                    "apply moves it there, and its connections go on; or keep it with --backend "
                            + others.getFirst().name()));
        }
        if (!name.equals("nftables")) {
            instead(name);
        }
        shadows();
    }

    /** What nftables lacks does not matter where iptables is taken; and its library could not look at anybody's rules. */
    private void instead(String name) {
        boolean lacks = findings.stream().anyMatch(one -> OF_NFTABLES.contains(one.id()) && isProblem(one));
        findings.replaceAll(one -> OF_NFTABLES.contains(one.id()) && isProblem(one)
                ? one.asWarning("capture is written with " + name + " instead; for nftables, " + one.mend())
                : one);
        if (lacks) {
            backends.otherMesh()
                    .ifPresent(mesh -> findings.add(Finding.conflict(
                            Topic.RULES,
                            "rules.other-mesh",
                            mesh.name() + " has rules here: chain " + mesh.chain(),
                            OtherMesh.HARM,
                            "remove its capture first: " + mesh.removal())));
        }
    }

    private static boolean isProblem(Finding finding) {
        return finding.severity() == Severity.PROBLEM;
    }

    /** Where iptables captures, what comes before its rules is not what would come before those of nftables. */
    private void shadows() {
        Backend standing = backends.standing();
        if (standing.name().equals("nftables")) {
            return;
        }
        LiveState live = standing.live();
        if (!live.isInForce()) {
            return;
        }
        List<String> shadows = backends.shadows(standing, live);
        boolean overtakes = Backends.goesBefore(standing, live, shadows);
        for (String shadow : shadows) {
            if (findings.stream().noneMatch(one -> one.what().equals(shadow))) {
                findings.add(Finding.conflict(
                        Topic.RULES,
                        SHADOW,
                        shadow,
                        "it is asked before ours, and we never see the connections that it takes",
                        overtakes
                                ? "apply puts ours before it"
                                : "change that rule where it comes from, or its chain's priority"));
            }
        }
        if (!shadows.isEmpty()) {
            findings.removeIf(one -> one.id().equals("rules.none"));
        }
    }
}
