"""call.py ADDRESS PORT: a service that nobody modified; prints who answers."""

import socket
import sys

try:
    with socket.create_connection((sys.argv[1], int(sys.argv[2])), timeout=0.5) as connection:
        connection.settimeout(30)
        print(connection.makefile().read())
except (TimeoutError, OSError) as refused:
    # nobody is there: the network ends behind the interface
    print("no answer" if isinstance(refused, TimeoutError) or refused.errno == 113 else refused)
