# SPDX-License-Identifier: Apache-2.0
#
# Threads of an executor compute in pure Python; the loop's callbacks wait for the interpreter lock.
# expects: gil serve|ask|crunch|interpreter lock|GIL|uvloop
# never: libuv's asynchronous call

import asyncio
import time

import uvloop


def crunch():
    end = time.time() + 2.5
    count = 0
    while time.time() < end:
        count += sum(range(200))


async def serve(reader, writer):
    while line := await reader.readline():
        writer.write(line)
    writer.close()


async def main():
    loop = asyncio.get_running_loop()
    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    reader, writer = await asyncio.open_connection("127.0.0.1", port)

    async def ask():
        writer.write(b"x\n")
        await reader.readline()

    for _ in range(100):
        await ask()
    jobs = [loop.run_in_executor(None, crunch) for _ in range(3)]
    while not all(job.done() for job in jobs):
        await ask()
        await asyncio.sleep(0.02)
    writer.close()
    server.close()


uvloop.install()
asyncio.run(main())
