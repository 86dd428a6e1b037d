#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
#
# node_http.py BUILD [PAIRS]: what tracing costs an official node under HTTP load. Two servers, one
# with the preload, are alive at once on one core, each with its helper on the same core; wrk on
# another core drives them in turn, a second each. Needs wrk (scripts/install_deps.sh real) and node
# (tests/node/setup.sh BUILD/node 20). Rules: requests are wrk's count, the interval comes from the
# pairs of windows (2,000 bootstrap samples); nothing is asserted.
"""Compares the requests a second of two servers, with and without the preload."""
import os
import pathlib
import random
import re
import statistics
import subprocess
import sys
import tempfile

SERVER = """
const http = require('http');
http.createServer((request, response) => response.end('hello')).listen(0, '127.0.0.1', function () {
	console.log(this.address().port);
});
"""
CONNECTIONS = 20


def start(node, folder, **environment):
    """A server on the first core; its port."""
    server = subprocess.Popen(['taskset', '-c', '0', node, '-e', SERVER], cwd=folder, text=True,
                              env=dict(os.environ, **environment), stdout=subprocess.PIPE)
    return server, int(server.stdout.readline())


def rate(port):
    """Requests a second, for a second."""
    said = subprocess.run(['taskset', '-c', '1', 'wrk', '-t1', f'-c{CONNECTIONS}', '-d1',
                           f'http://127.0.0.1:{port}/'],
                          capture_output=True, text=True, check=True).stdout
    return float(re.search(r'Requests/sec:\s*([0-9.]+)', said).group(1))


def interval(values):
    """The median, and its 95 % interval by resampling."""
    medians = sorted(statistics.median(random.choices(values, k=len(values))) for _ in range(2000))
    return statistics.median(values), medians[50], medians[1949]


def main():
    """Pairs of windows, in an order that changes."""
    build = pathlib.Path(sys.argv[1]).resolve()
    pairs = int(sys.argv[2]) if len(sys.argv) > 2 else 60
    node = build / 'node' / '20' / 'bin' / 'node'
    with tempfile.TemporaryDirectory() as folder:
        bare, bare_port = start(node, folder)
        traced, traced_port = start(node, folder, LD_PRELOAD=str(build / 'libtrace.so'),
                                    UVTRACE_PATH=f'{folder}/trace.bin')
        for port in (bare_port, traced_port) * 3:
            rate(port)
        overheads = []
        for i in range(pairs):
            order = [(0, bare_port), (1, traced_port)]
            rates = dict((which, rate(port))
                         for which, port in (order if i % 2 else reversed(order)))
            overheads.append(100 * (rates[0] / rates[1] - 1))
            print(f'\r{i + 1} of {pairs} pairs', end='', file=sys.stderr, flush=True)
        print(file=sys.stderr)
        bare.terminate()
        traced.terminate()
        bare.wait()
        traced.wait()
        report = subprocess.run([build / 'trace_to_jsonl', folder], capture_output=True, text=True,
                                check=True).stdout
    middle, low, high = interval(overheads)
    lost = re.search(r'"lost":(\d+)', report).group(1)
    print(f'overhead {middle:.2f} % ({low:.2f} to {high:.2f}), {pairs} pairs of a second, '
          f'{lost} events lost')


if __name__ == '__main__':
    main()
