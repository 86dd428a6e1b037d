#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
#
# run.py BUILD [VERSION...]: official builds of node, which have libuv inside, with and without the
# preload. What the program counted, by counts.js, is what the trace must have, callback by
# callback; output and exit status are the same.
# Rules: a check is one line ("ok" or "not ok"); the last line is "N passed, N failed", and the exit
# status says the same.
"""Holds traces of official builds of node against what the programs counted."""
import collections
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
VERSIONS = ['18', '20', '22', '24', '26']
TIMES = 20
TIMEOUT_SECONDS = 120

passed = failed = 0


def check(name, good, detail=''):
    """Prints one line, and why it is not ok."""
    global passed, failed
    print(f'{"ok" if good else "not ok"} - {name}', flush=True)
    if good:
        passed += 1
        return
    failed += 1
    if detail:
        print(f'#   {detail}')


class Node:
    """One version of node, whose programs run in a folder of their own."""

    def __init__(self, build, version):
        self.build = build
        self.version = version
        self.work = build / 'node' / f'run{version}'
        self.binary = str(build / 'node' / version / 'bin' / 'node')

    def run(self, arguments, traced, **environment):
        """Runs in an empty folder; the trace is below it."""
        shutil.rmtree(self.work, ignore_errors=True)
        (self.work / 'files').mkdir(parents=True)
        variables = {name: value for name, value in os.environ.items()
                     if not name.startswith('UVTRACE_')}
        variables.update(environment)
        if traced:
            variables['LD_PRELOAD'] = str(self.build / 'libtrace.so')
            variables['UVTRACE_PATH'] = str(self.work / 'trace' / 'trace.bin')
        return subprocess.run([self.binary, *arguments], cwd=self.work, env=variables,
                              stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, timeout=TIMEOUT_SECONDS, check=False)

    def events(self):
        """The lines of the trace."""
        lines = subprocess.run([self.build / 'trace_to_jsonl', self.work / 'trace'],
                               capture_output=True, text=True, check=False)
        check(f'node {self.version}: the trace can be read', lines.returncode == 0, lines.stderr)
        return [json.loads(line) for line in lines.stdout.splitlines()]

    def counted(self, program, prefix=''):
        """What the program counted, and the callbacks of its trace, by kind."""
        result = self.run(program, traced=True)
        polls = collections.Counter()
        for event in self.events():
            if event['event'] == 'PollStart' and event['callback'].startswith(prefix):
                polls[event['kind']] += 1
            elif event['event'] == 'TraceStart':
                check(f'node {self.version}: nothing is lost',
                      event['lost'] == 0 and event['missing'] == 0, event)
                check(f'node {self.version}: tier', event['tier'] == 'full (patched)',
                      event['tier'])
        return result, polls


def masked(result):
    """What a program said and how it ended, without numbers and ids: those change with each run."""
    texts = (re.sub(r'[0-9a-f]+(-[0-9a-f]+){4}|\d+', 'N', text)
             for text in (result.stdout, result.stderr))
    return result.returncode, *texts


def check_same(node, name, arguments, **environment):
    """Output and exit status are as without the preload."""
    bare = node.run(arguments, traced=False, **environment)
    traced = node.run(arguments, traced=True, **environment)
    check(f'node {node.version}: {name}: output and exit status are as without the preload',
          masked(bare) == masked(traced), f'{masked(bare)} / {masked(traced)}')
    return traced


def check_counts(node, name, program, least, times=TIMES, prefix=''):
    """Each kind of callback that `program TIMES` counts, `least` of them or more, less a run with
    none. `prefix`: of the names of the program's own functions, where node has others of that kind.
    """
    nothing, without = node.counted([*program, '0', 'files'], prefix)
    result, polls = node.counted([*program, str(times), 'files'], prefix)
    check(f'node {node.version}, {name}: both runs end well',
          nothing.returncode == 0 and result.returncode == 0, nothing.stderr + result.stderr)
    try:
        wanted, idle = json.loads(result.stdout), json.loads(nothing.stdout)
    except ValueError:
        wanted = idle = {}
    check(f'node {node.version}, {name}: the program counted {len(wanted)} kinds',
          len(wanted) >= least)
    for kind, count in sorted(wanted.items()):
        expected = count - idle.get(kind, 0)
        seen = polls[kind] - without[kind]
        check(f'node {node.version}, {name}: {kind}: {expected}', seen == expected > 0,
              f'the trace has {seen}')


def check_addon(node):
    """A native addon, which calls the libuv of the executable."""
    addon = node.build / 'node' / f'addon{node.version}.node'
    subprocess.run(['gcc', '-O2', '-fPIC', '-shared',
                    f'-I{node.build}/node/{node.version}/include/node', '-o', addon,
                    HERE / 'addon.c'], check=True)
    program = ['-e', f"require('{addon}').run(Number(process.argv[1]))"]
    check_same(node, 'addon', [*program, str(TIMES)])
    check_counts(node, 'addon', program, 3, prefix='on_')


def install(node, packages):
    """npm, itself run by this node, installs packages into build/node/packagesVERSION: the folder
    of the modules."""
    folder = node.build / 'node' / f'packages{node.version}'
    npm = pathlib.Path(shutil.which('npm')).resolve()
    check_same(node, 'npm install', [npm, 'install', '--prefix', 'files', '--cache',
                                     node.build / 'node' / 'npm-cache',
                                     '--no-audit', '--no-fund', '--no-update-notifier', *packages])
    shutil.rmtree(folder, ignore_errors=True)
    shutil.move(node.work / 'files', folder)
    return folder / 'node_modules'


def check_packages(node):
    """A real project's tools, and an executable with a script in it."""
    modules = install(node, ['express@4', 'typescript@5', 'mocha@10', 'postject@1.0.0-alpha.6'])
    folder = node.build / 'node' / f'project{node.version}'
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    (folder / 'a.ts').write_text("const a: number = 'b';\n")
    (folder / 'test.js').write_text("require('assert');"
                                    "it('waits', (done) => { setTimeout(done, 5); });\n"
                                    "it('fails', () => { throw new Error('thrown'); });\n")
    (folder / 'main.js').write_text("setTimeout(() => console.log('timer'), 5);\n")
    check_same(node, 'tsc', [modules / 'typescript' / 'bin' / 'tsc', '--noEmit', folder / 'a.ts'])
    check_same(node, 'mocha', [modules / 'mocha' / 'bin' / 'mocha.js', '--slow', '60000',
                                folder / 'test.js'])
    check_same(node, 'express',
               ['-e', f"const s = require('{modules}/express')().listen(0, () => s.close())"])
    check_single_executable(node, folder, modules / 'postject' / 'dist' / 'cli.js')


def check_single_executable(node, folder, postject):
    """A copy of node with a script in it: by itself from node 26 on, by postject before; node 18
    has none."""
    if int(node.version) < 20:
        return
    program, config, blob = folder / 'program', folder / 'sea.json', folder / 'sea.blob'
    by_itself = int(node.version) >= 26
    config.write_text(json.dumps({'main': str(folder / 'main.js'),
                                  'disableExperimentalSEAWarning': True,
                                  'output': str(program if by_itself else blob)}))
    node.run(['--build-sea' if by_itself else '--experimental-sea-config', config], traced=False)
    if not by_itself:
        shutil.copy(node.binary, program)
        node.run([postject, program, 'NODE_SEA_BLOB', blob, '--sentinel-fuse',
                  'NODE_SEA_FUSE_fce680ab2cc467b6e072b8b5df1996b2'], traced=False)
    program.chmod(0o755)
    made, node.binary = node.binary, str(program)
    traced = check_same(node, 'single executable', [])
    check(f'node {node.version}: single executable: it runs the script', traced.stdout == 'timer\n',
          traced.stderr)
    node.events()
    node.binary = made


def check_ways_to_run(node):
    """Options that change how node starts, or what memory it makes executable."""
    script = ("require('fs').stat('/', () => {"
              " console.log('stat'); setTimeout(() => console.log('timer'), 5); })")
    for name, arguments in {
            'jitless': ['--jitless', '-e', script],
            'inspect': ['--inspect=127.0.0.1:0', '-e', script],
            'cpu-prof': ['--cpu-prof', '-e', script],
            'perf-basic-prof': ['--perf-basic-prof', '-e', script],
            'a module': ['--input-type=module', '-e',
                         "import fs from 'fs'; console.log(typeof fs.stat)"],
            'an error': ['-e', 'setTimeout(() => { throw new Error("thrown") }, 1)'],
            'exit in a callback': ['-e', 'setTimeout(() => process.exit(7), 1)'],
            'worker threads': ['-e', "new (require('worker_threads').Worker)("
                               "'console.log(1)', {eval: true})"],
            'cluster': [HERE / 'cluster.js'],
    }.items():
        check_same(node, name, arguments)
    if int(node.version) >= 20:
        (node.work / 'files').mkdir(parents=True, exist_ok=True)
        blob = str(node.build / 'node' / f'snapshot{node.version}.blob')
        check_same(node, 'build a snapshot', ['--snapshot-blob', blob, '--build-snapshot',
                                              HERE / 'snapshot.js'])
        check_same(node, 'run a snapshot', ['--snapshot-blob', blob, 'a'])


def check_builtins(node):
    """Functions of V8's own that a stall sample finds have names, wherever V8 has mapped them."""
    script = ('const a = Array.from({length: 300000}, Math.random);'
              'for (let i = 0; i < 6; i++) setTimeout(() => { const end = Date.now() + 300;'
              'while (Date.now() < end) a.slice().sort((x, y) => x - y); }, 1)')
    node.run(['-e', script], traced=True)
    report = subprocess.run([node.build / 'analyze_trace', '--json', node.work / 'trace'],
                            capture_output=True, text=True, check=False)
    stalls = json.loads(report.stdout)['stalls'] if report.stdout else []
    frames = [frame for stall in stalls for frame in stall['frames'] if frame['module'] == 'node']
    nameless = [frame['function'] for frame in frames if '+0x' in frame['function']]
    check(f'node {node.version}: {len(frames)} frames of node have names', frames and not nameless,
          nameless)
    check(f'node {node.version}: a builtin is named',
          any(frame['function'].startswith('Builtins_Array') for frame in frames),
          [frame['function'] for frame in frames])


def main():
    """Each version in turn."""
    build = pathlib.Path(sys.argv[1]).resolve()
    versions = sys.argv[2:] or VERSIONS
    subprocess.run([HERE / 'setup.sh', build / 'node', *versions], check=True)
    for version in versions:
        node = Node(build, version)
        counts = [HERE / 'counts.js']
        check_same(node, 'counts', [*counts, str(TIMES), 'files'])
        check_counts(node, 'counts', counts, 40)
        if shutil.which('wrk'):
            check_counts(node, 'load', [HERE / 'load.js'], 2, times=1)
        check_addon(node)
        check_ways_to_run(node)
        check_builtins(node)
        check_packages(node)
    print(f'{passed} passed, {failed} failed')
    return failed > 0


if __name__ == '__main__':
    sys.exit(main())
