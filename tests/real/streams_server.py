# SPDX-License-Identifier: Apache-2.0
#
# A line server on asyncio's streams with uvloop. It counts what it did and prints the counts when
# it ends, as the ground truth that the trace is held against. Knows nothing of tracing.

import asyncio
import signal

import uvloop

counts = {"served": 0, "connections": 0}


async def serve(reader, writer):
    counts["connections"] += 1
    while line := await reader.readline():
        writer.write(line)
        await writer.drain()
        counts["served"] += 1
    writer.close()


async def main():
    loop = asyncio.get_running_loop()
    stop = loop.create_future()
    loop.add_signal_handler(signal.SIGTERM, stop.set_result, None)
    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    print("port", server.sockets[0].getsockname()[1], flush=True)
    await stop
    server.close()


uvloop.install()
asyncio.run(main())
for name, count in counts.items():
    print(name, count)
