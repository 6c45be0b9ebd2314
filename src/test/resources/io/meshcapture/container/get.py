"""get.py HOST PORT: a service that nobody modified; prints what an HTTP server answers. Debian's smallest Python has no more."""

import socket
import sys

with socket.create_connection((sys.argv[1], int(sys.argv[2])), timeout=10) as connection:
    connection.sendall(b"GET / HTTP/1.1\r\nHost: upstream\r\nConnection: close\r\n\r\n")
    print(connection.makefile().read().splitlines()[-1])
