"""A protocol that is neither HTTP nor TLS: lines of text, each answered by one. Who speaks first is what differs."""


async def client_first(reader, writer, names):
    while line := await reader.readline():
        writer.write(f"{names.of(writer)} heard {line.decode().strip()}\n".encode())
        await writer.drain()


async def server_first(reader, writer, names):
    writer.write(f"220 {names.of(writer)} speaks first\n".encode())
    await writer.drain()
    await client_first(reader, writer, names)
