#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
#
# python_truth.py BUILD: takes samples of python_load.py in each python of PYTHONS (default: the
# system's and those of pyenv), and holds each stack against the known one: names, files, lines, and
# who was called by native code. LOOKS samples of each (default 60): of a program that computes; of
# one that sleeps; and of one that computes and is not stopped, where all is read twice and only
# what is equal is told. Exit 0: no frame is wrong, and at most 1 % of the stacks could not be read,
# but of the last sort.
"""Whether the names of Python's functions are the true ones."""
import json
import os
import re
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))
import python_load  # noqa: E402

LOOKS = int(os.environ.get('LOOKS', '60'))
# So many stacks may not be told; of few samples some, as a sleeper may wake while it is read.
UNREAD_MAX = max(3, LOOKS * 0.01)
WHOLE = 1
BY_C, UNREADABLE = 16, 8
# What the program does, how samples are taken, and whether nearly all tell something.
WAYS = [('work', [], True), ('sleep', [], True), ('work', ['-r'], False)]


def version_of(python):
    """311 of 3.11."""
    text = 'import sys; print(sys.version_info[0] * 100 + sys.version_info[1])'
    done = subprocess.run([python, '-c', text], capture_output=True, text=True, check=True)
    return int(done.stdout)


def expected(what, version):
    """From the outside inwards, as python_load.chain() has it, with the frames around it."""
    load = (HERE / 'python_load.py').read_text(encoding='utf-8').split('\n')
    path = str(HERE / 'python_load.py')

    def line_of(part):
        return next(i + 1 for i, line in enumerate(load) if line.strip().startswith(part))
    frames = [('<module>', path, 1, len(load), line_of('main(sys.argv[1])'), None, 'C'),
              ('main', path, line_of('def main('), len(load), line_of("made['f_0']("), None, 'py')]
    frames += [(name, python_load.FILE, *rest) for name, *rest in python_load.chain(what)]
    if version < 311:
        frames = [(name.rpartition('.')[2], *rest) for name, *rest in frames]
    return frames


def line_problem(frame, truth, is_innermost, is_asleep):
    """What is wrong about its line; None: nothing."""
    name, _, first, last, call, sleep, _ = truth
    line = frame['line']
    if not is_innermost:
        return f'{name} calls at {line}, not {call}' if line != call else None
    if is_asleep and sleep and line != sleep:
        return f'{name} sleeps at {line}, not {sleep}'
    # 0: what ends an `except` clause, and what makes a coroutine, has no line.
    if line and not first <= line <= last:
        return f'{name} is at {line}, not within {first} to {last}'
    return None


def caller_problem(frame, truth, version, is_innermost, is_outermost):
    """Whether it is told right that native code called it."""
    name, how = truth[0], truth[-1]
    by_c = bool(frame['flags'] & BY_C)
    must = version < 311 or how == 'C' or (how == 'resumed' and not is_innermost) or is_outermost
    if must and not by_c:
        return f'{name} was called by native code'
    if by_c and not must and how == 'py':
        return f'{name} was not called by native code'
    return None


def problem_of(frame, truth, version, is_innermost, is_outermost, is_asleep):
    """What is wrong about a frame; None: nothing."""
    name, file, first = truth[:3]
    if frame['flags'] & UNREADABLE or not frame['file']:
        return 'unread'
    if frame['function'] != name or frame['file'] != file:
        return f"{frame['function']} {frame['file']} in place of {name}"
    if frame['first_line'] != first and name != '<module>':
        return f"{name} begins at {frame['first_line']}, not {first}"
    return line_problem(frame, truth, is_innermost, is_asleep) or \
        caller_problem(frame, truth, version, is_innermost, is_outermost)


def is_making(frames):
    """Whether it is where the functions are made: in the module's code, or in that of a class."""
    names = [frame['function'] for frame in frames if frame['file'] == python_load.FILE]
    return names[:1] == ['<module>'] and len(frames) == len(names) + 2 and \
        (not names[1:] or re.match('(Größe|Compared)_', ''.join(names[1:])))


def judge(sample, truth, version, what):
    """None: it is right. 'unread': nothing is told, or not all. Else what is wrong."""
    frames = sample['frames'][::-1]
    is_asleep = what == 'sleep' and sample['state'] == 'S' and not sample['stopped']
    if sample['status'] != WHOLE or not frames:
        return 'unread'
    if is_making(frames):
        return None
    if len(frames) > len(truth):
        return f"{frames[-1]['function']} lies deeper than there are functions"
    problems = (problem_of(frame, truth[i], version, i == len(frames) - 1, i == 0, is_asleep)
                for i, frame in enumerate(frames))
    return next(filter(None, problems), None)


def samples_of(build, python, what, options):
    """Of the program at work."""
    program = subprocess.Popen([python, str(HERE / 'python_load.py'), what],
                               stdout=subprocess.PIPE, text=True)
    try:
        if program.stdout.readline() != 'ready\n':
            raise SystemExit(f'{python}: python_load.py did not start')
        done = subprocess.run([f'{build}/names/sample_names', '-n', str(LOOKS), '-i', '1', *options,
                               str(program.pid)], capture_output=True, text=True, check=False)
    finally:
        program.kill()
        program.wait()
        program.stdout.close()
    if done.returncode:
        raise SystemExit(done.stderr.strip())
    return [json.loads(line) for line in done.stdout.split('\n') if line]


def median(values):
    """Of no values: 0."""
    return sorted(values)[len(values) // 2] if values else 0


def figures(samples, depth):
    """Time and reads of those walks that are about so deep."""
    some = [sample for sample in samples if abs(len(sample['frames']) - depth) <= 1]
    return f"{depth} frames: {median([sample['walk_ns'] for sample in some]) // 1000} us, " \
        f"{median([sample['walk_reads'] for sample in some])} reads"


def try_one(build, python, what, options, tells):
    """One program, LOOKS times. Whether all is well."""
    version = version_of(python)
    truth = expected(what, version)
    samples = samples_of(build, python, what, options)
    problems = [judge(sample, truth, version, what) for sample in samples]
    unread = problems.count('unread')
    wrong = [problem for problem in problems if problem not in (None, 'unread')]
    good = not wrong and len(samples) == LOOKS and unread <= (UNREAD_MAX if tells else LOOKS - 1)
    print(f"{'ok' if good else 'not ok'} - {python} ({version // 100}.{version % 100}) "
          f"{' '.join([what, *options])}: {len(samples) - unread - len(wrong)} right, "
          f"{unread} not told, {len(wrong)} wrong; "
          f"{figures(samples, 8)}; {figures(samples, 25)}", flush=True)
    for problem in wrong[:5]:
        print(f'#   {problem}')
    return good


def pythons():
    """Which to try."""
    given = os.environ.get('PYTHONS', '').split()
    own = [path for path in ('/usr/bin/python3',) if os.path.exists(path)] or ['python3']
    others = sorted(Path.home().glob('.pyenv/versions/3.*/bin/python3'))
    return given or own + [str(path) for path in others if version_of(str(path)) >= 308]


def main():
    """Each python in each way."""
    results = [try_one(sys.argv[1], python, what, options, tells)
               for python in pythons() for what, options, tells in WAYS]
    print(f'{results.count(True)} passed, {results.count(False)} failed')
    return 0 if all(results) else 1


if __name__ == '__main__':
    sys.exit(main())
