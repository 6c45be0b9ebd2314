package io.meshcapture.connections;

import io.meshcapture.plan.Address;
import io.meshcapture.system.SocketTable.Open;

/**
 * One end of a connection.
 *
 * @param address its address
 * @param port its port
 */
record End(Address address, int port) {

    static End local(Open socket) {
        return new End(socket.local(), socket.localPort());
    }

    static End remote(Open socket) {
        return new End(socket.remote(), socket.remotePort());
    }

    // written out: what the compiler makes for records is linked at the first call, 10 ms of every start

    @Override
    public boolean equals(Object other) {
        return other instanceof End end && end.port == port && end.address.equals(address);
    }

    @Override
    public int hashCode() {
        return address.hashCode() * 31 + port;
    }
}
