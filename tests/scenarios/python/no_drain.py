# SPDX-License-Identifier: Apache-2.0
#
# Rows are written to a peer that reads slowly, and nobody awaits drain(). The callback has no name:
# its kind says what it is.
# expects: request_growth|write_queue write callback
# load: light

import asyncio
import os

import uvloop

ROW = b"x" * 20000


async def slow_peer(reader, _writer):
    while await reader.read(2000):
        await asyncio.sleep(0.05)


async def main():
    server = await asyncio.start_server(slow_peer, "127.0.0.1", 0, limit=4096)
    _reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
    for _ in range(500):
        writer.write(ROW)
        await asyncio.sleep(0.005)
    os._exit(0)


uvloop.install()
asyncio.run(main())
