# SPDX-License-Identifier: Apache-2.0
#
# A service logs each request to stderr, a pipe whose reader is slow: the write blocks.
# expects: blocked_syscall handle
# says: write
# stderr: slow 150000
# never: libuv's asynchronous call

import asyncio
import logging
import sys

import uvloop

logging.basicConfig(level=logging.INFO, stream=sys.stderr)
log = logging.getLogger("app")


async def handle(reader, writer):
    while await reader.readline():
        log.info("request %s", "x" * 800)
        writer.write(b"ok\n")
    writer.close()


async def main():
    server = await asyncio.start_server(handle, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    for _ in range(400):
        writer.write(b"hi\n")
        await reader.readline()
        await asyncio.sleep(0.002)
    writer.close()
    server.close()


uvloop.install()
asyncio.run(main())
