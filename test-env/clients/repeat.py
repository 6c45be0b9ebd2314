"""A client in a hurry: fetches URL again and again, on a new connection each time, and prints each answer's line.

    python3 repeat.py URL

Until standard input is closed. A call that fails is a line too: what went wrong.
"""

import select
import sys
import urllib.error
import urllib.request

while not select.select([sys.stdin], [], [], 0.005)[0]:
    try:
        with urllib.request.urlopen(sys.argv[1], timeout=5) as answer:
            print(answer.read().decode(), end="", flush=True)
    except OSError as error:
        print(f"failed: {error}", flush=True)
