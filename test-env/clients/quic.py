"""A client that prefers HTTP/3 and falls back to TCP, as browsers do, and knows nothing of Envoy or meshcapture.

    PYTHONPATH=PACKAGES python3 quic.py HOST ADDRESS CERTIFICATE

Fetches one path of https://HOST/, which is at ADDRESS, for each line of standard input, and prints what is answered. All
on one QUIC connection for as long as that works. When it fails, it says so, with the time that it took to notice, and
asks again over TCP.
"""

import asyncio
import ssl
import sys
import time
import urllib.request

from aioquic.asyncio import QuicConnectionProtocol
from aioquic.h3.connection import H3_ALPN, H3Connection
from aioquic.h3.events import DataReceived, HeadersReceived
from aioquic.quic.configuration import QuicConfiguration
from aioquic.quic.connection import QuicConnection
from aioquic.quic.events import ConnectionTerminated

PATIENCE = 10  # seconds


class Client(QuicConnectionProtocol):
    def __init__(self, *arguments, **more):
        super().__init__(*arguments, **more)
        self.http = H3Connection(self._quic)
        self.answers = {}
        self.broken = asyncio.get_running_loop().create_future()

    def error_received(self, error):
        """A datagram could not be sent, or nobody takes it at the other end: what the kernel tells at once."""
        self.fail(error)

    def fail(self, error):
        if not self.broken.done():
            self.broken.set_exception(error)

    def quic_event_received(self, event):
        if isinstance(event, ConnectionTerminated):
            self.fail(ConnectionError(event.reason_phrase or "terminated"))
        for happened in self.http.handle_event(event):
            if isinstance(happened, (HeadersReceived, DataReceived)):
                text, done = self.answers[happened.stream_id]
                text += getattr(happened, "data", b"")
                if happened.stream_ended:
                    done.set_result(text.decode())

    async def get(self, host, path):
        stream = self._quic.get_next_available_stream_id()
        done = asyncio.get_running_loop().create_future()
        self.answers[stream] = (bytearray(), done)
        request = [(b":method", b"GET"), (b":scheme", b"https"), (b":authority", host.encode()), (b":path", path.encode())]
        self.http.send_headers(stream, request, end_stream=True)
        self.transmit()
        await asyncio.wait([done, self.broken], timeout=PATIENCE, return_when=asyncio.FIRST_COMPLETED)
        if self.broken.done():
            self.broken.result()
        if not done.done():
            raise TimeoutError(f"no answer in {PATIENCE} s")
        return done.result()


class Http3:
    """The one connection, made when it is first needed and again after it has failed."""

    def __init__(self, host, address, certificate):
        self.host, self.address = host, address
        self.configuration = QuicConfiguration(alpn_protocols=H3_ALPN, server_name=host, idle_timeout=600)
        self.configuration.load_verify_locations(certificate)
        self.transport = self.connection = None

    async def get(self, path):
        if not self.connection:
            ipv6 = ":" in self.address
            self.transport, self.connection = await asyncio.get_running_loop().create_datagram_endpoint(
                lambda: Client(QuicConnection(configuration=self.configuration)),
                local_addr=("::" if ipv6 else "0.0.0.0", 0),
            )
            connected = asyncio.ensure_future(self.connection.wait_connected())
            # as answers will tell where they come from: an IPv6 address has a flow and a scope too
            self.connection.connect((self.address, 443, 0, 0) if ipv6 else (self.address, 443))
            await asyncio.wait(
                [connected, self.connection.broken], timeout=PATIENCE, return_when=asyncio.FIRST_COMPLETED
            )
            if self.connection.broken.done():
                connected.cancel()
                self.connection.broken.result()
            if not connected.done():
                connected.cancel()
                raise TimeoutError(f"no handshake in {PATIENCE} s")
        return await self.connection.get(self.host, path)

    def end(self):
        """Says goodbye."""
        if self.connection:
            self.connection.close()
        self.forget()

    def forget(self):
        if self.connection:
            if self.connection._timer:
                self.connection._timer.cancel()
            self.transport.abort()
        self.transport = self.connection = None


async def main():
    host, address, certificate = sys.argv[1:]
    http3 = Http3(host, address, certificate)
    trust = ssl.create_default_context(cafile=certificate)
    while path := (await asyncio.to_thread(sys.stdin.readline)).strip():
        begun = time.monotonic()
        try:
            print(await http3.get(path), end="", flush=True)
        except (OSError, TimeoutError) as error:
            print(f"HTTP/3 failed after {time.monotonic() - begun:.3f} s: {error}", flush=True)
            http3.forget()
            with urllib.request.urlopen(f"https://{host}{path}", timeout=PATIENCE, context=trust) as answer:
                print(answer.read().decode(), end="", flush=True)
    http3.end()


asyncio.run(main())
