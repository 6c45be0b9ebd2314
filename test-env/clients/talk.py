"""A line talker: sends each line of standard input to HOST PORT and prints each line that comes back.

    python3 talk.py HOST PORT

One connection for as long as standard input is open, so that a test can hold it while something else happens.
Says "closed" or "reset" when the other side ends it.
"""

import socket
import sys
import threading


def listen(connection):
    try:
        for line in connection.makefile():
            print(line, end="", flush=True)
        print("closed", flush=True)
    except ConnectionError:
        print("reset", flush=True)


with socket.create_connection((sys.argv[1], int(sys.argv[2])), timeout=10) as connection:
    connection.settimeout(None)
    threading.Thread(target=listen, args=[connection], daemon=True).start()
    try:
        for line in sys.stdin:
            connection.sendall(line.encode())
    except ConnectionError:
        pass  # said above
