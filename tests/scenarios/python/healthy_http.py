# SPDX-License-Identifier: Apache-2.0
#
# A small HTTP server; each answer takes 5 ms of waiting for something else.
# expects: healthy

import asyncio

import uvloop

HEAD = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\n"


async def serve(reader, writer):
    await reader.readuntil(b"\r\n\r\n")
    await asyncio.sleep(0.005)
    writer.write(HEAD + b"ok")
    await writer.drain()
    writer.close()


async def get(port):
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"GET / HTTP/1.1\r\nHost: here\r\n\r\n")
    await reader.read()
    writer.close()


async def main():
    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    for _ in range(60):
        await asyncio.gather(*(get(port) for _ in range(3)))
        await asyncio.sleep(0.02)
    server.close()


uvloop.install()
asyncio.run(main())
