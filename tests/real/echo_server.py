# SPDX-License-Identifier: Apache-2.0
#
# An ordinary echo server on asyncio with uvloop. It counts what it did and prints the counts when
# it ends, as the ground truth that the trace is held against. Knows nothing of tracing.

import asyncio
import signal

import uvloop

counts = {"connections": 0, "messages": 0, "ends": 0}


class Echo(asyncio.Protocol):
    def connection_made(self, transport):
        counts["connections"] += 1
        self.transport = transport

    def data_received(self, data):
        counts["messages"] += 1
        self.transport.write(data)

    def eof_received(self):
        counts["ends"] += 1


async def main():
    loop = asyncio.get_running_loop()
    stop = loop.create_future()
    loop.add_signal_handler(signal.SIGTERM, stop.set_result, None)
    server = await loop.create_server(Echo, "127.0.0.1", 0)
    print("port", server.sockets[0].getsockname()[1], flush=True)
    await stop
    server.close()
    await server.wait_closed()


uvloop.install()
asyncio.run(main())
for name, count in counts.items():
    print(name, count)
