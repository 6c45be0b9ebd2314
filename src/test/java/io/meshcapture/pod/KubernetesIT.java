package io.meshcapture.pod;

import org.junit.jupiter.api.Nested;

/** All that needs a cluster: one class to Maven, which gives each class to a process of its own choice, and each process would start one. */
final class KubernetesIT {
    @Nested
    final class ApiServer extends ApiServerCases {}

    @Nested
    final class CapturedPods extends CapturedPodsCases {}

    @Nested
    final class InitImage extends InitImageCases {}

    @Nested
    final class NamesInPods extends NamesInPodsCases {}

    @Nested
    final class PodStory extends PodStoryCases {}
}
