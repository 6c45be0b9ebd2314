"""HTTP/3 (RFC 9114) on UDP port 443, on top of the aioquic library: requests without a body.

    PYTHONPATH=PACKAGES python3 http3.py --certificate FILE --key FILE ADDRESS…
"""

import argparse
import asyncio

from aioquic.asyncio import QuicConnectionProtocol, serve
from aioquic.h3.connection import H3_ALPN, H3Connection
from aioquic.h3.events import HeadersReceived
from aioquic.quic.configuration import QuicConfiguration
from aioquic.quic.events import ProtocolNegotiated


class Upstream(QuicConnectionProtocol):
    http = None

    def quic_event_received(self, event):
        if isinstance(event, ProtocolNegotiated):
            self.http = H3Connection(self._quic)
        if self.http:
            for happened in self.http.handle_event(event):
                if isinstance(happened, HeadersReceived):
                    self.answer(happened.stream_id, dict(happened.headers))

    def answer(self, stream, headers):
        host, path = headers[b":authority"].decode(), headers[b":path"].decode()
        text = f"you asked for {host}{path}, HTTP/3, directly\n"
        self.http.send_headers(stream, [(b":status", b"200"), (b"content-type", b"text/plain")])
        self.http.send_data(stream, text.encode(), end_stream=True)
        self.transmit()


async def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("addresses", nargs="+", metavar="ADDRESS")
    arguments.add_argument("--certificate", required=True)
    arguments.add_argument("--key", required=True)
    given = arguments.parse_args()
    configuration = QuicConfiguration(alpn_protocols=H3_ALPN, is_client=False)
    configuration.load_cert_chain(given.certificate, given.key)
    for address in given.addresses:
        await serve(address, 443, configuration=configuration, create_protocol=Upstream)
    print("listening", flush=True)
    await asyncio.Future()


asyncio.run(main())
