# SPDX-License-Identifier: Apache-2.0
#
# An echo server, and 20 clients that each ask every 20 ms.
# expects: healthy

import asyncio

import uvloop


async def serve(reader, writer):
    while line := await reader.readline():
        writer.write(line)
        await writer.drain()
    writer.close()


async def client(port):
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    for _ in range(120):
        writer.write(b"hello\n")
        await reader.readline()
        await asyncio.sleep(0.02)
    writer.close()


async def main():
    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    await asyncio.gather(*(client(port) for _ in range(20)))
    server.close()


uvloop.install()
asyncio.run(main())
