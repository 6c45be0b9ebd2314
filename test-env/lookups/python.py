"""Prints the addresses that Python's look-up finds for a name in one family (4 or 6), each once."""
import socket
import sys

family = socket.AF_INET6 if sys.argv[2] == "6" else socket.AF_INET
print(" ".join(sorted({found[4][0] for found in socket.getaddrinfo(sys.argv[1], 80, family)})))
