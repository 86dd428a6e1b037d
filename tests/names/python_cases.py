# SPDX-License-Identifier: Apache-2.0
#
# python_cases.py CASE MS: a program on uvloop, in which one callback is stuck for so long, in a way
# that is known: each case is a method of Page, stuck in the line that is marked with its name.
# Prints that line, and the method.
"""A callback that is stuck in a known way."""
import asyncio
import gc
import json
import re
import socket
import sys
import threading
import time

import uvloop

rows = [{'id': i, 'name': 'n%d' % i, 'list': [i, i + 1]} for i in range(20000)]
pattern = re.compile('(a+)+b')
lock = threading.Lock()
left, right = socket.socketpair()


def later(seconds, call, *arguments):
    def run():
        time.sleep(seconds)
        call(*arguments)
    threading.Thread(target=run).start()


class Page:
    async def computing(self, end):
        n = 2
        while time.monotonic() < end: n = n * 31 + 1 & 0xffff  # computing

    async def dumping(self, end):
        while time.monotonic() < end: json.dumps(rows)  # dumping

    async def sorting(self, end):
        while time.monotonic() < end: sorted(rows, key=lambda row: -row['id'])  # sorting

    async def matching(self, end):
        while time.monotonic() < end: pattern.match('a' * 18)  # matching

    async def collecting(self, end):
        while time.monotonic() < end: gc.collect()  # collecting

    async def sleeping(self, end):
        time.sleep(end - time.monotonic())  # sleeping

    async def receiving(self, end):
        later(end - time.monotonic(), right.send, b'x')
        left.recv(100)  # receiving

    async def locked(self, end):
        lock.acquire()
        later(end - time.monotonic(), lock.release)
        with lock:  # locked
            return


async def handler(case, ms):
    await getattr(Page(), case)(time.monotonic() + ms / 1000)


async def main(case, ms):
    await asyncio.sleep(0.01)
    await handler(case, ms)
    await asyncio.sleep(0.01)


case = sys.argv[1]
with open(__file__) as file:
    lines = [number for number, text in enumerate(file, 1) if text.rstrip().endswith('# ' + case)]
uvloop.install()
asyncio.run(main(case, int(sys.argv[2])))
name = getattr(Page, case).__qualname__ if sys.version_info >= (3, 11) else case
print(json.dumps({'line': lines[0], 'function': name}))
