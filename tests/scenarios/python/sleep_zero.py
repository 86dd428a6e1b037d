# SPDX-License-Identifier: Apache-2.0
#
# A task waits for a flag with asyncio.sleep(0).
# expects: spinning idle callback
# says: asyncio.Event
# never: uv_idle_stop

import asyncio

import uvloop


class Job:
    ready = False


async def wait_ready():
    while not Job.ready:
        await asyncio.sleep(0)


async def main():
    task = asyncio.ensure_future(wait_ready())
    await asyncio.sleep(1.5)
    Job.ready = True
    await task


uvloop.install()
asyncio.run(main())
