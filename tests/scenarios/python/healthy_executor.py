# SPDX-License-Identifier: Apache-2.0
#
# Files are hashed on an executor's threads, where hashlib gives the interpreter lock away.
# expects: healthy

import asyncio
import hashlib

import uvloop

BLOCK = b"x" * (1 << 20)


def digest():
    return hashlib.sha256(BLOCK).hexdigest()


async def main():
    loop = asyncio.get_running_loop()
    for _ in range(40):
        await loop.run_in_executor(None, digest)
        await asyncio.sleep(0.03)


uvloop.install()
asyncio.run(main())
