#!/usr/bin/env python3
"""A DNS server, UDP and TCP: names.py ADDRESS…

It knows every name under upstream.test, as 10.98.0.7 and fd98::7, and no other. It says a line for each query: the
transport, who asked, the name and its type.
"""

import socket
import struct
import sys
import threading

A, AAAA = 1, 28
ADDRESSES = {A: bytes((10, 98, 0, 7)), AAAA: socket.inet_pton(socket.AF_INET6, "fd98::7")}


def answer(query, transport, peer):
    identity, flags, questions = struct.unpack_from("!HHH", query)
    labels, at = [], 12
    while query[at]:
        labels.append(query[at + 1 : at + 1 + query[at]].decode("ascii", "replace").lower())
        at += 1 + query[at]
    kind, _ = struct.unpack_from("!HH", query, at + 1)
    name = ".".join(labels)
    print(transport, peer[0], peer[1], name, kind, flush=True)
    known = name.endswith(".upstream.test")
    record = b""
    address = ADDRESSES.get(kind) if known else None
    if address:
        record = struct.pack("!HHHIH", 0xC00C, kind, 1, 0, len(address)) + address
    header = struct.pack(
        "!HHHHHH", identity, 0x8480 | (flags & 0x0100) | (0 if known else 3), questions, 1 if record else 0, 0, 0
    )
    return header + query[12 : at + 5] + record


def datagrams(udp):
    while True:
        query, peer = udp.recvfrom(4096)
        udp.sendto(answer(query, "udp", peer), peer)


def conversation(connection, peer):
    with connection, connection.makefile("rb") as stream:
        while length := stream.read(2):
            reply = answer(stream.read(int.from_bytes(length)), "tcp", peer)
            connection.sendall(len(reply).to_bytes(2) + reply)


def connections(tcp):
    while True:
        connection, peer = tcp.accept()
        threading.Thread(target=conversation, args=(connection, peer), daemon=True).start()


serving = []
for address in sys.argv[1:]:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    udp = socket.socket(family, socket.SOCK_DGRAM)
    udp.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
    udp.bind((address, 53))
    tcp = socket.create_server((address, 53), family=family)
    serving += [threading.Thread(target=datagrams, args=(udp,)), threading.Thread(target=connections, args=(tcp,))]
for thread in serving:
    thread.start()
print("ready", flush=True)
