"""What the pods call: says through whom it was called. Via is the header by which proxies make themselves known."""

import selectors
import socket

with selectors.DefaultSelector() as ready:
    for family, host in (socket.AF_INET, "0.0.0.0"), (socket.AF_INET6, "::"):
        ready.register(socket.create_server((host, 8080), family=family), selectors.EVENT_READ)
    while True:
        for key, _ in ready.select():
            with key.fileobj.accept()[0] as connection:
                request = connection.recv(4096).lower()
                how = b"via envoy\n" if b"\r\nvia:" in request else b"directly\n"
                connection.sendall(b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: %d\r\n\r\n" % len(how) + how)
