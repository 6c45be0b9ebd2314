package io.meshcapture.verbs;

import io.meshcapture.doctor.OtherMesh;
import io.meshcapture.failure.Failure;
import java.util.List;
import java.util.Optional;

/** Another mesh's capture where ours is to begin: a person decides. */
final class OtherMeshes {
    private OtherMeshes() {}

    /**
     * What there is to say.
     *
     * @throws Failure.Conflict where there is one and that is not allowed
     */
    static List<String> found(Backends backends, boolean allowed) {
        Optional<OtherMesh> other = backends.otherMesh();
        if (other.isEmpty()) {
            return List.of();
        }
        String what = other.get().name() + " captures here already, by chain "
                + other.get().chain();
        if (!allowed) {
            throw new Failure.Conflict(
                    what,
                    OtherMesh.HARM,
                    "remove its capture first (" + other.get().removal() + "), or insist with --allow-other-mesh");
        }
        return List.of(what + "; " + OtherMesh.HARM + "; remove the one that is not meant");
    }
}
