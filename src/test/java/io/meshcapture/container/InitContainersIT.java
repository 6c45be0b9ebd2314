package io.meshcapture.container;

import org.junit.jupiter.api.Nested;

/** All that needs the init image in an engine: one class to Maven, so that one process loads what a {@link Pod} is made from. */
final class InitContainersIT {
    @Nested
    final class Capturing extends InitContainerCases {}

    @Nested
    final class Refused extends InitContainerRefusedCases {}
}
