package io.meshcapture.verbs;

import io.meshcapture.backend.iptables.IptablesBackend;
import io.meshcapture.backend.nftables.NftablesBackend;
import io.meshcapture.plan.Family;
import io.meshcapture.system.LegacyChains;
import io.meshcapture.system.LegacyTables;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/** Which tables of iptables are there, and which chains, asked of the kernel itself: no program is started for it. */
final class TablesThere {

    /** The first chain that is made of ours, and what the names of all others begin with. */
    static final String HOME = "MESHCAPTURE";

    private TablesThere() {}

    /** Who tells of iptables-nft. */
    interface Usable {
        /** Null where libnftables is not there, or the kernel has no nf_tables. */
        @Nullable
        NftablesBackend nftables();
    }

    /** Those of iptables-nft. */
    static IptablesBackend.TableNames ofNft(Usable usable) {
        return new IptablesBackend.TableNames() {
            @Override
            public @Nullable Set<String> of(Family family) {
                NftablesBackend nftables = usable.nftables();
                return nftables == null ? null : nftables.tablesOfIptables(family);
            }

            @Override
            public boolean mayHoldOurs(Family family) {
                NftablesBackend nftables = usable.nftables();
                return nftables == null || nftables.hasChainOfIptables(family, HOME);
            }

            @Override
            public @Nullable Set<String> chains(Family family, String table) {
                NftablesBackend nftables = usable.nftables();
                return nftables == null ? null : nftables.chainsOfIptables(family, table);
            }
        };
    }

    /** Whether iptables-nft has a chain that is called like ours. */
    static boolean mayHoldOurs(NftablesBackend nftables) {
        return Stream.of(Family.values()).anyMatch(family -> nftables.hasChainOfIptables(family, HOME));
    }

    /** Those of iptables-legacy. */
    static IptablesBackend.TableNames ofLegacy() {
        return new IptablesBackend.TableNames() {
            @Override
            public @Nullable Set<String> of(Family family) {
                return LegacyTables.names(family);
            }

            @Override
            public boolean mayHoldOurs(Family family) {
                Set<String> chains = LegacyChains.of(family);
                return chains == null || chains.stream().anyMatch(chain -> chain.startsWith(HOME));
            }
        };
    }

    /** The names of all chains of iptables-legacy, those of others among them. */
    static Set<String> chainsOfLegacy(IptablesBackend legacy) {
        Set<String> names = new TreeSet<>();
        for (Family family : Family.values()) {
            Set<String> tables = LegacyTables.names(family);
            if (tables == null || tables.isEmpty()) {
                continue; // none, or not for this process to see
            }
            Set<String> chains = LegacyChains.of(family);
            if (chains == null) {
                return legacy.isInstalled() ? legacy.chains() : Set.of();
            }
            names.addAll(chains);
        }
        return names;
    }
}
