#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
#
# transactions.py BUILD [node|official|uvloop]...: unmodified servers under a load that counts its
# answers; their traces must have as many transactions as that, whole, and cut none but what the end
# of the program cuts.
# Rules: a check is one line ("ok" or "not ok"); the last line is "N passed, N failed", and the exit
# status says the same.
"""Holds the transactions of real servers against what a load generator counted."""
import http.client
import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time

HERE = pathlib.Path(__file__).resolve().parent
CONNECTIONS = 10
REQUESTS = 60  # of each connection, one after the other
TIMEOUT_SECONDS = 30
CUTS = ['lost', 'switched_off', 'begins_earlier', 'unended', 'too_long', 'unsure', 'given_up']
SERVED_BY_NODE = ['read', 'fs_open', 'fs_fstat', 'fs_read', 'fs_close', 'after_work']

passed = failed = 0


def check(name, got, wanted):
    """Prints one line, and what was wanted if it is not ok."""
    global passed, failed
    good = got == wanted
    print(f'{"ok" if good else "not ok"} - {name}: {got}', flush=True)
    passed += good
    failed += not good
    if not good:
        print(f'#   wanted {wanted}')


def end(connection):
    """Waits until the server has ended its side as well."""
    connection.shutdown(socket.SHUT_WR)
    while connection.recv(1):
        pass


def ask_http(port):
    """One connection; yields for each request whether it was answered."""
    connection = http.client.HTTPConnection('127.0.0.1', port, timeout=TIMEOUT_SECONDS)
    for _ in range(REQUESTS):
        connection.request('GET', '/')
        response = connection.getresponse()
        yield response.status == 200 and len(response.read()) == 64
    end(connection.sock)
    connection.close()


def ask_lines(port):
    """The same, of a server that sends lines back."""
    with socket.create_connection(('127.0.0.1', port), timeout=TIMEOUT_SECONDS) as connection:
        answers = connection.makefile('rb')
        for number in range(REQUESTS):
            line = b'%d\n' % number
            connection.sendall(line)
            yield answers.readline() == line
        end(connection)


def load(ask, port):
    """All connections at once; how many requests were answered."""
    answered = []
    threads = [threading.Thread(target=lambda: answered.extend(ask(port)))
               for _ in range(CONNECTIONS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sum(answered)


def wait_until_sealed(folder):
    """The last of the trace is written after the program's end."""
    for _ in range(TIMEOUT_SECONDS * 20):
        if list(folder.glob('*.bin')) and not list(folder.glob('*.open')):
            return
        time.sleep(0.05)


class Server:
    """A program that serves, and what is known of it."""

    def __init__(self, build, name):
        self.folder = build / 'real' / 'run' / f'transactions.{name}'
        self.tell = build / 'transactions' / 'tell_transactions'
        preload = [f'LD_PRELOAD={build}/libtrace.so',
                   f'UVTRACE_PATH={self.folder}/trace/trace.bin']
        server = HERE.parent / 'transactions' / 'http_server.js'
        self.command = {
            'node': [HERE / 'node.sh', build / 'real' / 'root', *preload, server],
            'official': ['env', *preload, build / 'node' / '20' / 'bin' / 'node', server],
            'uvloop': ['env', *preload, '/usr/bin/python3', HERE / 'streams_server.py'],
        }[name]
        self.ask = ask_lines if name == 'uvloop' else ask_http

    def run(self):
        """Starts it, loads it, ends it: what the load counted, and what the program says."""
        shutil.rmtree(self.folder, ignore_errors=True)
        (self.folder / 'trace').mkdir(parents=True)
        variables = {name: value for name, value in os.environ.items()
                     if not name.startswith('UVTRACE_')}
        with subprocess.Popen(self.command, stdout=subprocess.PIPE, text=True,
                              env=variables) as program:
            try:
                answered = load(self.ask, int(program.stdout.readline().split()[1]))
                program.send_signal(signal.SIGTERM)
                said, _ = program.communicate(timeout=TIMEOUT_SECONDS)
            except BaseException:
                program.kill()
                raise
        wait_until_sealed(self.folder / 'trace')
        return answered, dict(line.split() for line in said.splitlines())

    def transactions(self):
        """What tell_transactions says of all of them."""
        told = subprocess.run([self.tell, '-q', self.folder / 'trace'], capture_output=True,
                              text=True, check=True)
        return json.loads(told.stdout.splitlines()[-1])


def check_server(build, name):
    """One program. Each end of a connection is a read as well."""
    server = Server(build, name)
    answered, said = server.run()
    told = server.transactions()
    counts = {' '.join(signature['kinds']): signature['count']
              for signature in told['signatures']}
    check(f'{name}: requests that were answered', answered, CONNECTIONS * REQUESTS)
    check(f'{name}: as many as the server counted', answered, int(said['served']))
    if name == 'uvloop':
        check(f'{name}: transactions: a read for each line and each end', counts.get('read'),
              answered + CONNECTIONS)
    else:
        check(f'{name}: transactions: {" ".join(SERVED_BY_NODE)}',
              counts.get(' '.join(SERVED_BY_NODE)), answered)
        check(f'{name}: connections that ended', counts.get('read shutdown close'), CONNECTIONS)
    check(f'{name}: connections', counts.get('connection'), CONNECTIONS)
    # node calls exit() inside the callback of the signal.
    cut = {'unended': 0 if name == 'uvloop' else 1}
    check(f'{name}: cut', {key: told[key] for key in CUTS},
          {key: cut.get(key, 0) for key in CUTS})


def main():
    """Each program in turn."""
    build = pathlib.Path(sys.argv[1]).resolve()
    for name in sys.argv[2:] or ['node', 'official', 'uvloop']:
        check_server(build, name)
    print(f'{passed} passed, {failed} failed')
    return failed > 0


if __name__ == '__main__':
    sys.exit(main())
