# SPDX-License-Identifier: Apache-2.0
#
# A handler waits with time.sleep where it should have awaited.
# expects: blocked_syscall retry_later
# says: time.sleep
# load: light

import asyncio
import time

import uvloop


def retry_later():
    time.sleep(0.15)


async def work():
    for _ in range(8):
        retry_later()
        await asyncio.sleep(0.1)


async def tick(seconds):
    while True:
        await asyncio.sleep(seconds)


async def main():
    ticks = [asyncio.create_task(tick(seconds)) for seconds in (0.007, 0.011, 0.019)]
    await work()
    for task in ticks:
        task.cancel()


uvloop.install()
asyncio.run(main())
