"""HTTP/2 (RFC 9113) on top of the h2 library: requests without a body, answers smaller than a window."""

import asyncio

import h2.config
import h2.connection
import h2.events

import answers

PREFACE_LINE = b"PRI * HTTP/2.0\r\n"


async def serve(first, reader, writer, names):
    connection = h2.connection.H2Connection(h2.config.H2Configuration(client_side=False, header_encoding="utf-8"))
    connection.initiate_connection()
    running = set()
    data = first
    while data:
        for event in connection.receive_data(data):
            if isinstance(event, h2.events.RequestReceived):
                task = asyncio.create_task(_answer(connection, event, writer, names))
                running.add(task)
                task.add_done_callback(running.discard)
            elif isinstance(event, h2.events.ConnectionTerminated):
                return
        writer.write(connection.data_to_send())
        await writer.drain()
        data = await reader.read(65536)


async def _answer(connection, request, writer, names):
    headers = dict(request.headers)
    path = headers[":path"]
    text = answers.plain(names, writer, "HTTP/2", headers.get(":authority", ""), path, headers.get("via"))
    connection.send_headers(request.stream_id, [(":status", "200"), ("content-type", "text/plain")])
    async for piece in answers.pieces(path, text):
        connection.send_data(request.stream_id, piece)
        writer.write(connection.data_to_send())
    connection.end_stream(request.stream_id)
    writer.write(connection.data_to_send())
