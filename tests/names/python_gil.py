# SPDX-License-Identifier: Apache-2.0
#
# python_gil.py SECONDS: a loop of uvloop whose callbacks wait for CPython's interpreter lock (GIL):
# a thread computes, and gives the lock up five times a second.
"""Callbacks that wait for the GIL."""
import asyncio
import sys
import threading
import time

import uvloop


def crunch(end):
    """Holds the lock."""
    total = 0
    while time.monotonic() < end:
        total += sum(range(200))
    return total


async def tick(end):
    """Its callbacks do next to nothing."""
    while time.monotonic() < end:
        await asyncio.sleep(0.001)


sys.setswitchinterval(0.2)
until = time.monotonic() + float(sys.argv[1])
threading.Thread(target=crunch, args=(until,)).start()
uvloop.install()
asyncio.run(tick(until))
