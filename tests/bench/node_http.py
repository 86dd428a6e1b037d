#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
#
# node_http.py BUILD [ROUNDS [control]]: what tracing costs an official node under HTTP load. Two
# servers, one with the preload, are alive at once on one core, with the helper on the same core;
# wrk on another core drives them in turn, a second each. Each round has new servers. With "control"
# both are without: what it shows is no cost. Needs wrk (scripts/install_deps.sh real) and node
# (tests/node/setup.sh BUILD/node 20). Prints what it costs in requests a second, and in CPU time a
# request, of the server and its helper together: on a busy machine the second is the one to go by.
# Rules: requests are wrk's count, CPU time is the kernel's (schedstat), the interval comes from the
# rounds (2,000 bootstrap samples); nothing is asserted.
"""Compares requests a second and CPU time of two servers, with and without the preload."""
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
PAIRS_A_ROUND = 4


def start(node, folder, **environment):
    """A server on the first core; its port."""
    server = subprocess.Popen(['taskset', '-c', '0', node, '-e', SERVER], cwd=folder, text=True,
                              env=dict(os.environ, **environment), stdout=subprocess.PIPE)
    return server, int(server.stdout.readline())


def helper_of(pid):
    """The process that drains that program's rings, if there is one."""
    for maps in pathlib.Path('/proc').glob('[0-9]*/maps'):
        try:
            if (maps.parent / 'comm').read_text() == 'uvtrace-drain\n' and \
                    f'/uvtrace.{pid}.' in maps.read_text():
                return int(maps.parent.name)
        except OSError:
            pass
    return None


def cpu_ns(pids):
    """What all threads of these processes have used. None of them ends meanwhile."""
    return sum(int(stat.read_text().split()[0]) for pid in pids
               for stat in pathlib.Path(f'/proc/{pid}/task').glob('*/schedstat'))


def measure(port, pids):
    """Requests a second, and CPU time a request, for a second."""
    before = cpu_ns(pids)
    requests_a_second, requests = rate(port)
    return requests_a_second, (cpu_ns(pids) - before) / requests


def rate(port):
    """Requests a second, and how many there were, for a second."""
    said = subprocess.run(['taskset', '-c', '1', 'wrk', '-t1', f'-c{CONNECTIONS}', '-d1',
                           f'http://127.0.0.1:{port}/'],
                          capture_output=True, text=True, check=True).stdout
    return (float(re.search(r'Requests/sec:\s*([0-9.]+)', said).group(1)),
            int(re.search(r'(\d+) requests in', said).group(1)))


def interval(rounds):
    """The median of all pairs, and its 95 % interval by resampling of whole rounds: two processes
    of the same program differ by more than pairs of windows of them do."""
    medians = sorted(
        statistics.median(sum(random.choices(rounds, k=len(rounds)), [])) for _ in range(2000))
    return statistics.median(sum(rounds, [])), medians[50], medians[1949]


def run_round(build, folder, traced_environment):
    """Pairs of windows of two new servers, in an order that changes. Percent of requests a second
    and of CPU time a request."""
    node = build / 'node' / '20' / 'bin' / 'node'
    bare, bare_port = start(node, folder)
    traced, traced_port = start(node, folder, **traced_environment)
    for port in (bare_port, traced_port) * 2:
        rate(port)
    helper = helper_of(traced.pid)
    order = [(0, bare_port, [bare.pid]),
             (1, traced_port, [traced.pid] + ([helper] if helper else []))]
    overheads, costs = [], []
    for i in range(PAIRS_A_ROUND):
        seen = dict((which, measure(port, pids))
                    for which, port, pids in (order if i % 2 else reversed(order)))
        overheads.append(100 * (seen[0][0] / seen[1][0] - 1))
        costs.append(100 * (seen[1][1] / seen[0][1] - 1))
    for server in (bare, traced):
        server.terminate()
        server.wait()
    return overheads, costs


def main():
    """Rounds with and without the preload, or, as a control, all without."""
    build = pathlib.Path(sys.argv[1]).resolve()
    rounds = int(sys.argv[2]) if len(sys.argv) > 2 else 12
    is_control = sys.argv[3:] == ['control']
    overheads, costs = [], []
    with tempfile.TemporaryDirectory() as folder:
        environment = {} if is_control else {'LD_PRELOAD': str(build / 'libtrace.so'),
                                             'UVTRACE_PATH': f'{folder}/trace.bin'}
        for i in range(rounds):
            overhead, cost = run_round(build, folder, environment)
            overheads.append(overhead)
            costs.append(cost)
            print(f'\r{i + 1} of {rounds} rounds', end='', file=sys.stderr, flush=True)
        print(file=sys.stderr)
        report = '' if is_control else subprocess.run(
            [build / 'trace_to_jsonl', folder], capture_output=True, text=True, check=True).stdout
    lost = sum(int(count) for count in re.findall(r'"lost":(\d+)', report))
    for what, values in (('requests a second: overhead', overheads),
                         ('CPU time a request', costs)):
        middle, low, high = interval(values)
        print(f'{what} {middle:+.2f} % ({low:+.2f} to {high:+.2f})')
    print(f'{rounds} rounds of {PAIRS_A_ROUND} pairs of a second, {lost} events lost')


if __name__ == '__main__':
    main()
