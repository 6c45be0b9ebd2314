"""What the upstream says: one line of text that tells which address was reached, how, and through whom."""

import asyncio
import ipaddress


def address(name):
    """A socket name as people write it: IPv4 as IPv4 although the socket is dual-stack, IPv6 in brackets."""
    ip = ipaddress.ip_address(name[0].split("%")[0])
    ip = getattr(ip, "ipv4_mapped", None) or ip
    return f"[{ip}]:{name[1]}" if ip.version == 6 else f"{ip}:{name[1]}"


class Names:
    def __init__(self, given):
        self.names = dict(pair.split("=", 1) for pair in given)

    def of(self, writer):
        here = address(writer.get_extra_info("sockname"))
        name = self.names.get(here.rsplit(":", 1)[0].strip("[]"))
        return f"{name} ({here})" if name else here


def plain(names, writer, protocol, host, path, via):
    """The answer to an HTTP request. Via is the header by which proxies make themselves known (RFC 9110, 7.6.3)."""
    tls = writer.get_extra_info("ssl_object")
    if tls:  # a proxy that only passes TLS on cannot be seen from here
        how = f"in TLS for {getattr(tls, 'asked_for', None)}"
    else:
        how = f"via {via}" if via else "directly"
    return f"{names.of(writer)}: you asked for {host}{path}, {protocol}, {how}\n"


async def pieces(path, text):
    """The body in pieces: all at once, or for /stream/N the line N times, a tenth of a second apart."""
    if path.startswith("/stream/"):
        for number in range(int(path.removeprefix("/stream/"))):
            yield f"{number} {text}".encode()
            await asyncio.sleep(0.1)
    else:
        yield text.encode()
