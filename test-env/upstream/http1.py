"""HTTP/1.1 (RFC 9112) as far as the tests need it: requests without a body, connections kept open."""

import answers


async def serve(first, reader, writer, names):
    while first:
        method, path, _ = first.decode("latin-1").split()
        headers = {}
        while (line := await reader.readline()).strip():
            name, value = line.decode("latin-1").split(":", 1)
            headers[name.lower()] = value.strip()
        text = answers.plain(names, writer, "HTTP/1.1", headers.get("host", ""), path, headers.get("via"))
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nTransfer-Encoding: chunked\r\n\r\n")
        if method != "HEAD":
            async for piece in answers.pieces(path, text):
                writer.write(b"%x\r\n%s\r\n" % (len(piece), piece))
                await writer.drain()
            writer.write(b"0\r\n\r\n")
        await writer.drain()
        if headers.get("connection", "").lower() == "close":
            return
        first = await reader.readline()
