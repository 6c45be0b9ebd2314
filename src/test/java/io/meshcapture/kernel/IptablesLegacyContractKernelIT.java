package io.meshcapture.kernel;

import io.meshcapture.lab.InNetns;

@InNetns
class IptablesLegacyContractKernelIT extends BackendContract {
    @Override
    String backend() {
        return "iptables-legacy";
    }
}
