"""Stands for Envoy: listens where captured connections go, and tells each caller where it was meant to go."""

import selectors
import socket
import struct

SO_ORIGINAL_DST = 80  # for both families: linux/netfilter_ipv4.h, linux/netfilter_ipv6/ip6_tables.h


def meant(connection):
    if connection.family == socket.AF_INET:
        address = connection.getsockopt(socket.SOL_IP, SO_ORIGINAL_DST, 16)
        port, host = struct.unpack("!2xH4s8x", address)
        return f"{socket.inet_ntop(socket.AF_INET, host)}:{port}"
    address = connection.getsockopt(socket.IPPROTO_IPV6, SO_ORIGINAL_DST, 28)
    port, host = struct.unpack("!2xH4x16s4x", address)
    return f"[{socket.inet_ntop(socket.AF_INET6, host)}]:{port}"


with selectors.DefaultSelector() as ready:
    # on all addresses, since some plans capture what passes through
    for family, host in (socket.AF_INET, "0.0.0.0"), (socket.AF_INET6, "::"):
        listener = socket.create_server((host, 15001), family=family)
        ready.register(listener, selectors.EVENT_READ)
    print("listening", flush=True)
    while True:
        for key, _ in ready.select():
            with key.fileobj.accept()[0] as connection:
                try:
                    connection.sendall(f"Envoy, asked for {meant(connection)}".encode())
                except OSError:
                    pass  # one that was not captured, such as that of --wait-envoy, or is gone already
