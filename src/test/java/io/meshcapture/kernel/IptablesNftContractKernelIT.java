package io.meshcapture.kernel;

import io.meshcapture.lab.InNetns;

@InNetns
class IptablesNftContractKernelIT extends BackendContract {
    @Override
    String backend() {
        return "iptables-nft";
    }
}
