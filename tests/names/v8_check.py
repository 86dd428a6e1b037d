# SPDX-License-Identifier: Apache-2.0
#
# The part "v8" of run.py: programs that hold the loop in known functions, read from their traces
# (v8_block.js); stacks that node itself tells (v8_deep.js); young functions that move while they
# are read (v8_stress.js).
"""Names of JavaScript's functions."""
import collections
import json
import os
import pathlib
import re
import shutil
import subprocess
import time

import trace_scripts

HERE = pathlib.Path(__file__).resolve().parent
VERSIONS = [
    '18',
    '24',
    'debian12',  # a stripped library
]  # NAMES_VERSIONS='18 20 22 24 26': all that are listed and have long-term support
SAMPLES = int(os.environ.get('LOOKS', '60'))
ROUNDS = [0, 300, 5000, 40000]
LOST_SHARE_MAX = 0.01
PATTERN = '^(a+)+$'  # of the case "match"
INLINED, LINE_ABOUT, INFERRED, UNREADABLE = 1, 2, 4, 8
NO_FUNCTIONS = ('builtin', 'exit', 'entry', 'regexp')

Frame = trace_scripts.Frame


class Node:
    """One build of node, and how it is started."""

    def __init__(self, build, version):
        self.build, self.version = build, version
        self.command = [str(build / 'node' / version / 'bin' / 'node')]
        self.work = build / 'names' / f'run{version}'
        shutil.rmtree(self.work, ignore_errors=True)
        self.work.mkdir(parents=True)

    def start(self, *arguments, **options):
        """Starts it."""
        return subprocess.Popen([*self.command, *map(str, arguments)], cwd=self.work, **options)

    def start_stress(self, *arguments, flags=()):
        """The program whose functions move, when it is at it."""
        process = self.start(*flags, HERE / 'v8_stress.js', *arguments)
        while process.poll() is None:
            if any(frame['function'] == 'root' for frame in self.sample(process.pid)[0]['frames']):
                return process
            time.sleep(0.02)
        raise SystemExit(f'node {self.version}: v8_stress.js ended')

    def sample(self, pid, *arguments):
        """Samples of a process, by the test's tool."""
        lines = subprocess.run(
            [self.build / 'names' / 'sample_names', *arguments, str(pid)],
            capture_output=True,
            text=True,
            check=True,
        ).stdout.split('\n')
        return [json.loads(line) for line in lines if line]


def frames_of(sample):
    """Functions of the user or of node, innermost first."""
    frames = [
        Frame(f['kind'], f['function'], f['file'], f['line'], f['first_line'], f['flags'])
        for f in sample['frames']
    ]
    return [frame for frame in frames if frame.kind not in NO_FUNCTIONS]


# ---- Programs that hold the loop -----------------------------------------------------------------

CASES = [
    'renderPage',
    'parseBody',
    'match',
    'hash',
    'zip',
    'readConfig',
    'spinning',
    'sorting',
    'allocate',
]


def marked_lines():
    """Which functions may be the innermost ones in which lines of v8_block.js, by its comments."""
    marked = collections.defaultdict(set)
    for number, line in enumerate((HERE / 'v8_block.js').read_text().splitlines(), 1):
        for name in re.sub(r'^.*; // |^.*\{ // ', '', line).split() if ' // ' in line else []:
            marked[name].add(number)
    return marked


def case_of(frames):
    """Which case a stack is of, and where it is in the stack."""
    for place, frame in enumerate(frames):
        if frame.function in CASES:
            return frame.function, place
    return None, 0


def block_fault(frames, lines):
    """Why a stack with a case in it is not right; '' where it is."""
    name, place = case_of(frames)
    own = frames[place]
    inner = [frame for frame in frames[:place] if frame.file == own.file]
    if own.line not in lines['CASE'] and not own.flags & LINE_ABOUT:
        return f'{name} in line {own.line}'
    for frame in inner:
        allowed = {'renderPage': 'countPrimes', 'spinning': 'spin', 'sorting': ''}.get(name)
        if frame.function != allowed:
            return f'{frame.function} in {name}'
        if allowed and frame.line not in lines[allowed] and not frame.flags & LINE_ABOUT:
            return f'{frame.function} in line {frame.line}'
    return ''


def check_block(node, report, **environment):
    """Each case is named in its own line, in the trace."""
    shutil.rmtree(node.work / 'trace', ignore_errors=True)
    fifo = node.work / 'fifo'
    if not fifo.exists():
        os.mkfifo(fifo)
    variables = {
        name: value for name, value in os.environ.items() if not name.startswith('UVTRACE_')
    }
    variables.update(
        environment,
        LD_PRELOAD=str(node.build / 'libtrace.so'),
        UVTRACE_PATH=str(node.work / 'trace' / 'trace.bin'),
    )
    code = node.start(HERE / 'v8_block.js', fifo, env=variables, stdin=subprocess.DEVNULL).wait(
        timeout=60
    )
    report.check(f'node {node.version}, block: it ends well', code == 0, code)
    lines, right, faults, nothing = marked_lines(), collections.Counter(), [], 0
    has_pattern = False
    for sample in trace_scripts.samples(node.work / 'trace'):
        frames = [frame for frame in sample.frames if frame.kind not in NO_FUNCTIONS]
        name, _place = case_of(frames)
        has_pattern |= name == 'match' and any(
            frame.kind == 'builtin' and f' /{PATTERN}/' in frame.function for frame in sample.frames
        )
        if not name:
            nothing += 1
            continue
        fault = block_fault(frames, lines)
        if fault:
            faults.append(fault)
        else:
            right[name] += 1
    report.note(f'node {node.version}, block: samples by case {dict(right)}, {nothing} with none')
    for name in CASES:
        report.check(f'node {node.version}, block: {name} is named with its line', right[name] > 0)
    report.check(f'node {node.version}, block: the pattern is told that is matched', has_pattern)
    report.check(
        f'node {node.version}, block: no sample says anything else', not faults, faults[:4]
    )


# ---- Stacks that node tells ----------------------------------------------------------------------


def truth_of(text):
    """Functions, files and lines of new Error().stack, innermost first."""
    stack = []
    for line in text.split('\n')[1:]:
        line = line.strip()[3:]
        if line.startswith('async '):
            break  # it waits, and is on no stack
        evald = re.match(r'(?:(.*?) \()?eval at .*, <anonymous>:(\d+):\d+\)?$', line)
        known = re.match(r'(?:(.*) \()?(.*?):(\d+):\d+\)?$', line)
        if evald:
            stack.append((evald[1] or '', '', int(evald[2])))
        elif known:
            stack.append((known[1] or '', known[2], int(known[3])))
    return stack


def short(name):
    """Without the receiver, which depends on the call and not on the function."""
    name = re.sub(r' \[as .*\]$', '', re.sub(r'^(async|new|get|set) ', '', name))
    return '' if name.endswith('<anonymous>') or name == '(anonymous)' else name.split('.')[-1]


def compare(frames, truth):
    """Counts of what is right and what is not, and examples."""
    counts, faults, at = collections.Counter(), [], 0
    # What stop() itself calls came after it told the stack.
    frames = frames[
        next((i for i, frame in enumerate(frames) if frame.function == 'stop'), len(frames)) :
    ]
    counts['nothing'] += not frames
    for frame in frames:
        place = next(
            (
                i
                for i in range(at, len(truth))
                if truth[i][1] == frame.file and short(truth[i][0]) in (short(frame.function), '')
            ),
            None,
        )
        if frame.flags & UNREADABLE:
            counts['unknown'] += 1
            continue
        if place is None:  # node tells a name by the receiver where the function itself has none
            place = next(
                (i for i in range(at, len(truth)) if truth[i][1:] == (frame.file, frame.line)), None
            )
            counts['unnamed' if place is not None and not frame.function else 'wrong'] += 1
            if place is None or frame.function:
                faults.append((frame, truth[at : at + 2]))
                continue
        counts['missed'] += place - at
        faults += [('missed', true) for true in truth[at:place]]
        counts[frame.kind] += 1
        at = place + 1
        if frame.line == truth[place][2]:
            counts['right'] += 1
        else:
            kind = (
                'no line'
                if not frame.line
                else 'line about'
                if frame.flags & LINE_ABOUT
                else 'wrong line'
            )
            counts[kind] += 1
            if kind != 'line about':
                faults.append((frame, truth[place]))
    counts['missed'] += len(truth) - at
    faults += [('missed', true) for true in truth[at:]]
    return counts, faults


def deep_stacks(node, rounds, *flags, spin=False):
    """Pairs of what a sample found and what node told."""
    process = node.start(
        *flags,
        HERE / 'v8_deep.js',
        rounds,
        *(['spin'] if spin else []),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    for line in process.stdout:
        if spin:
            time.sleep(0.02)
        yield frames_of(node.sample(process.pid)[0]), truth_of(json.loads(line))
        process.stdin.write('x')
        process.stdin.flush()
    process.stdin.close()
    process.wait()


def check_deep(node, report, rounds, *flags, spin=False):
    """All frames are node's own."""
    counts, faults, stacks = collections.Counter(), [], 0
    for frames, truth in deep_stacks(node, rounds, *flags, spin=spin):
        one, bad = compare(frames, truth)
        counts.update(one)
        faults += bad
        stacks += 1
    words = [' computing'] * spin + [f' {flag}' for flag in flags]
    name = f'node {node.version}, deep, {rounds} rounds{"".join(words)}'
    report.note(f'{name}: {stacks} stacks, {dict(counts)}')
    report.check(
        f'{name}: no name and no line is wrong',
        stacks and not counts['wrong'] and not counts['wrong line'],
        faults[:3],
    )
    lost = counts['unknown'] + counts['missed'] + counts['nothing'] + counts['no line']
    report.check(
        f'{name}: at most 1 % is not told',
        lost <= LOST_SHARE_MAX * (counts['right'] + lost),
        faults[:3],
    )


# ---- Functions that move -------------------------------------------------------------------------

CALL_LINE = 9  # of f_N's call, in its source


def may_call(caller, callee):
    """Which function of v8_stress.js calls which."""
    depth = int(caller[2:]) if caller.startswith('f_') else -1
    if callee in ('random', 'odd'):
        return caller == 'odd' or depth >= 0 or caller == 'root'
    return (depth >= 0 or caller == 'root') and callee in (f'f_{depth + 1}', f'make_{depth + 1}')


def stress_kind(frames):
    """What a stack is: right, wrong, unknown (a frame cannot be read), gap (one is missing),
    or nothing."""
    if not frames:
        return 'nothing'
    # Out to root(), or to the file's own code, which calls it.
    own = frames[
        : next(
            (
                i + (frame.function == 'root')
                for i, frame in enumerate(frames)
                if frame.function == 'root'
                or frame.file.endswith('v8_stress.js')
                and frame.first_line == 1
            ),
            len(frames),
        )
    ]
    names = {
        frame.function
        for frame in own
        if not frame.flags & UNREADABLE and not frame.file.startswith('node:')
    }
    if not all(re.fullmatch(r'(f|make)_\d+|root|random|odd', name) for name in names):
        return 'wrong'
    if own and (own == frames or own[-1].function != 'root'):
        return 'unknown' if any(frame.flags & UNREADABLE for frame in frames) else 'wrong'
    lost = 0  # files that are not told
    for frame in own:  # what was made by new Function() has no file
        made = re.fullmatch(r'(f|make)_\d+', frame.function)
        if frame.file.startswith('node:') or frame.flags & UNREADABLE:
            continue
        if frame.file and (made or frame.file != str(HERE / 'v8_stress.js')):
            return 'wrong file'
        lost += not made and not frame.file
    kind = 'unknown' if lost else 'right'
    for inner, outer in zip(own, own[1:]):
        if UNREADABLE & (inner.flags | outer.flags):
            kind = 'unknown'
        elif not may_call(outer.function, inner.function):
            ordered = (
                outer.function.startswith('f_')
                and inner.function.startswith(('f_', 'make_'))
                and int(outer.function[2:]) < int(inner.function.split('_')[1])
            )
            return 'gap' if ordered else 'wrong'
        elif (
            outer.function.startswith('f_')
            and inner.function[0] in 'fm'
            and outer.line not in (0, CALL_LINE)
            and not outer.flags & LINE_ABOUT
        ):
            return 'wrong line'
    return kind


def check_stress(node, report, name, *arguments, flags=(), tool=()):
    """No name is wrong; nearly all are told."""
    process = node.start_stress(*arguments, flags=flags)
    counts, kinds, figures, wrong = collections.Counter(), collections.Counter(), [], []
    try:
        for sample in node.sample(process.pid, '-n', str(SAMPLES), '-i', '1', *tool):
            frames = frames_of(sample)
            kind = stress_kind(frames)
            counts[kind] += 1
            kinds.update(frame.kind for frame in frames)
            figures.append(sample)
            if kind == os.environ.get('NAMES_SHOW'):
                print(sample)
            if kind.startswith('wrong'):
                wrong.append(
                    [(frame.kind, frame.function, frame.line, frame.flags) for frame in frames][:25]
                )
    finally:
        process.kill()
        process.wait()
    name = f'node {node.version}, stress, {name}'
    medians = {
        key: sorted(one[key] for one in figures)[len(figures) // 2]
        for key in ('stop_ns', 'walk_ns', 'lines_ns', 'walk_reads', 'reads', 'bytes')
    }
    report.note(f'{name}: {dict(counts)} {dict(kinds)} medians {medians}')
    report.check(f'{name}: no name is wrong', not wrong and len(figures) == SAMPLES, wrong[:2])
    return counts


def check_moving(node, report):
    """Plain, then harder."""
    counts = check_stress(node, report, 'plain')
    report.check(
        f'node {node.version}, stress: at most 1 % has no name',
        counts['right'] >= SAMPLES - max(1, LOST_SHARE_MAX * SAMPLES),
        dict(counts),
    )
    check_stress(node, report, 'compaction', flags=['--stress-compaction'])
    check_stress(node, report, 'deoptimised', 'deoptimise')
    check_stress(node, report, 'let go early', tool=['-e'])
    check_stress(node, report, 'running', tool=['-r'])


def is_there(build, version, report):
    """Fetches it, where it is not."""
    debian = version == 'debian12'
    command = [HERE / 'debian_node.sh', build / 'node' / version] if debian else \
        [HERE.parent / 'node' / 'setup.sh', build / 'node', version]
    status = subprocess.run(command, check=False).returncode
    if status == 3:
        report.note(f'node {version}: skipped: only root on Debian 12 can have it')
        return False
    report.check(f'node {version}: it can be had', status == 0)
    return status == 0


def check(build, report):
    """Every version in turn."""
    for version in os.environ.get('NAMES_VERSIONS', ' '.join(VERSIONS)).split():
        if not is_there(build, version, report):
            continue
        node = Node(build, version)
        check_block(node, report)
        for rounds in ROUNDS:
            check_deep(node, report, rounds)
        check_deep(node, report, ROUNDS[-1], spin=True)
        check_moving(node, report)
