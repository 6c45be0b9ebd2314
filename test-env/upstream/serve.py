"""The upstream of the demo and the end-to-end tests: everything that a service may want to call, in one process.

    python3 serve.py [ADDRESS=NAME…] [--certificate FILE --key FILE]

On every address of its network namespace, IPv4 and IPv6:

    80     HTTP/1.1 and HTTP/2 without TLS (prior knowledge); the same on 8080
    443    TLS, with HTTP/2 or HTTP/1.1 by ALPN (only with a certificate); the same on 8443. HTTP/3 there: http3.py
    9000   lines of text, the client speaks first
    9001   lines of text, the server speaks first, as mail and database servers do

An answer says which address it comes from, so that a test can tell who was reached. NAME makes it friendlier.
"""

import argparse
import asyncio
import socket

import answers
import http1
import http2
import lines
import tls


async def cleartext(reader, writer, names):
    """HTTP/2 without TLS begins with a preface that is no HTTP/1.1 request: its first line tells them apart."""
    first = await reader.readline()
    talk = http2 if first == http2.PREFACE_LINE else http1
    await talk.serve(first, reader, writer, names)


async def encrypted(reader, writer, names):
    talk = http2 if writer.get_extra_info("ssl_object").selected_alpn_protocol() == "h2" else http1
    await talk.serve(await reader.readline(), reader, writer, names)


async def listen(port, talk, names, context=None):
    async def connection(reader, writer):
        try:
            await talk(reader, writer, names)
        except (ConnectionError, EOFError, asyncio.IncompleteReadError):
            pass  # the client left: nothing to say
        finally:
            writer.close()

    both = socket.socket(socket.AF_INET6)
    both.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
    both.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    both.bind(("::", port))
    both.listen(256)
    return await asyncio.start_server(connection, sock=both, ssl=context)


async def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("names", nargs="*", metavar="ADDRESS=NAME")
    arguments.add_argument("--certificate")
    arguments.add_argument("--key")
    given = arguments.parse_args()
    names = answers.Names(given.names)

    servers = [
        await listen(80, cleartext, names),
        await listen(8080, cleartext, names),
        await listen(9000, lines.client_first, names),
        await listen(9001, lines.server_first, names),
    ]
    if given.certificate:
        context = tls.context(given.certificate, given.key)
        servers += [await listen(port, encrypted, names, context) for port in (443, 8443)]
    print("listening", flush=True)
    await asyncio.gather(*(server.serve_forever() for server in servers))


asyncio.run(main())
