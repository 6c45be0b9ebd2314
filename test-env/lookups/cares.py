"""Prints the addresses that c-ares, Envoy's and Node's resolver, finds for a name in one family (4 or 6), each once."""
import select
import socket
import sys

import pycares

answers = []
channel = pycares.Channel(timeout=2, tries=1)
family = socket.AF_INET6 if sys.argv[2] == "6" else socket.AF_INET
channel.getaddrinfo(sys.argv[1], 80, lambda result, error: answers.append((result, error)), family=family)
while not answers:  # what the hosts file has is answered at once
    readable, _, _ = select.select(channel.getsock()[0], [], [], channel.timeout())
    for descriptor in readable or [pycares.ARES_SOCKET_BAD]:
        channel.process_fd(descriptor, pycares.ARES_SOCKET_BAD)
result, error = answers[0]
if error:
    sys.exit(f"c-ares: {pycares.errno.strerror(error)}")
names = {node.addr[0] for node in result.nodes}
print(" ".join(sorted(name.decode() if isinstance(name, bytes) else name for name in names)))
