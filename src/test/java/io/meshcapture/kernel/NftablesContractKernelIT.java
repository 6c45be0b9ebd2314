package io.meshcapture.kernel;

import io.meshcapture.lab.InNetns;

@InNetns
class NftablesContractKernelIT extends BackendContract {
    @Override
    String backend() {
        return "nftables";
    }
}
