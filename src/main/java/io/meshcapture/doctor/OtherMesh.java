package io.meshcapture.doctor;

import io.meshcapture.backend.nftables.NamedChain;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Optional;

/**
 * Another mesh that captures here, told by the names of its chains.
 *
 * @param name such as {@code Istio}
 * @param chain one of its chains, such as {@code ISTIO_OUTPUT in table ip nat}
 * @param removal how its capture is removed
 */
public record OtherMesh(String name, String chain, String removal) {

    /** What comes of two. */
    public static final String HARM =
            "two meshes that capture the same connections send them through each other's proxies";

    /**
     * The first that is found.
     *
     * @param chains of nftables, iptables-nft's included
     * @param ofIptables names of chains that only the programs of iptables show
     */
    public static Optional<OtherMesh> among(List<NamedChain> chains, Collection<String> ofIptables) {
        List<NamedChain> all = new ArrayList<>(chains);
        ofIptables.forEach(name -> all.add(new NamedChain("", name, "")));
        for (NamedChain chain : all) {
            Owner owner = Owner.of(chain.table(), chain.name());
            if (owner != null && owner.isMesh() && !chain.name().isEmpty()) {
                String table = chain.table().isEmpty() ? "" : " in table " + chain.table();
                return Optional.of(new OtherMesh(owner.words(), chain.name() + table, owner.removal()));
            }
        }
        return Optional.empty();
    }
}
