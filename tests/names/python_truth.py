#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
#
# python_truth.py BUILD [PYTHON ...]: looks at python_load.py in each python (default: python3), and
# holds each stack that was read against the known one: names, files, lines, and who was called by
# native code. LOOKS (default 1000) a python: as many stopped at work, half as many asleep. Exit 0:
# no wrong frame, and at most 1 % of the stacks could not be read.
#
# While the main module makes the functions anew, their stack is not that of the chain: only
# <module> and main.
import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))
import python_load  # noqa: E402

LOOKS = int(os.environ.get('LOOKS', '1000'))
UNREAD_MAX = 0.01
WHOLE = 1
BY_C, UNREADABLE = 16, 8


def version_of(python):
    text = subprocess.run([python, '-c',
                           'import sys; print(sys.version_info[0] * 100 + sys.version_info[1])'],
                          capture_output=True, text=True, check=True).stdout
    return int(text)


def expected(what, version):
    """From the outside inwards, as python_load.chain() has it, with the frames around it."""
    load = (HERE / 'python_load.py').read_text().split('\n')
    main = next(i for i, line in enumerate(load) if line.startswith('def main('))
    calls = {line.strip(): i + 1 for i, line in enumerate(load)}
    path = str(HERE / 'python_load.py')
    frames = [
        ('<module>', path, 1, len(load), calls['main(sys.argv[1])'], None, 'C'),
        ('main', path, main + 1, len(load),
         next(at for text, at in calls.items() if "made['f_0'](" in text), None, 'py'),
    ]
    frames += [(name, python_load.FILE, *rest) for name, *rest in python_load.chain(what)]
    if version < 311:
        frames = [(name.rpartition('.')[2], *rest) for name, *rest in frames]
    return frames


def problem_of(frame, truth, version, is_innermost, is_first, sleeps):
    name, file, first, last, call, sleep, how = truth
    by_c = bool(frame['flags'] & BY_C)
    if frame['flags'] & UNREADABLE or not frame['file']:
        return 'unread'
    if frame['function'] != name or frame['file'] != file:
        return f"{frame['function']} {frame['file']} in place of {name}"
    if frame['first'] != first and name != '<module>':
        return f"{name} begins at {frame['first']}, not {first}"
    if is_innermost and sleeps and sleep and frame['line'] != sleep:
        return f"{name} sleeps at {frame['line']}, not {sleep}"
    # 0: what ends an `except` clause, and what makes a coroutine, has no line.
    if is_innermost and frame['line'] and not first <= frame['line'] <= last:
        return f"{name} is at {frame['line']}, not within {first} to {last}"
    if not is_innermost and frame['line'] != call:
        return f"{name} calls at {frame['line']}, not {call}"
    if (version < 311 or how == 'C' or (how == 'resumed' and not is_innermost)) and not by_c:
        return f'{name} was called by native code'
    if version >= 311 and how == 'py' and by_c and not is_first:
        return f'{name} was not called by native code'
    return None


def is_making(frames):
    """Whether it is where the functions are made: in the module's code, or in that of a class."""
    names = [frame['function'] for frame in frames if frame['file'] == python_load.FILE]
    inner = ''.join(names[1:])
    return names[:1] == ['<module>'] and (not inner or re.match('(Größe|Compared)_', inner)) and \
        len(frames) == len(names) + 2


def judge(look, truth, version, sleeps):
    frames = look['frames'][::-1]
    if look['status'] != WHOLE or not frames:
        return 'unread'
    if is_making(frames):
        return None
    for i, frame in enumerate(frames):
        if i >= len(truth):
            return f"{frame['function']} lies deeper than there are functions"
        problem = problem_of(frame, truth[i], version, i == len(frames) - 1, i == 0, sleeps)
        if problem:
            return problem
    return None


def looks_of(build, python, what, count):
    mode = 'stop' if what == 'work' else 'sleep'
    program = subprocess.Popen([python, str(HERE / 'python_load.py'), what])
    try:
        time.sleep(1)  # until it is in its chain: what is looked at before is no chain
        done = subprocess.run([f'{build}/look', '-n', str(count), '-p', '500', '-m', mode,
                               str(program.pid)],
                              capture_output=True, text=True)
    finally:
        program.kill()
        program.wait()
    if done.returncode:
        raise SystemExit(done.stderr.strip())
    return [json.loads(line) for line in done.stdout.splitlines()]


def median(values):
    return sorted(values)[len(values) // 2]


def try_one(build, python, what, count):
    version = version_of(python)
    truth = expected(what, version)
    looks = looks_of(build, python, what, count)
    problems = [judge(look, truth, version, what == 'sleep') for look in looks]
    unread = problems.count('unread')
    wrong = [problem for problem in problems if problem not in (None, 'unread')]
    depths = [len(look['frames']) for look in looks]
    good = not wrong and len(looks) == count and unread <= count * UNREAD_MAX
    print(f"{'ok' if good else 'FAILED'}: {python} ({version // 100}.{version % 100}) {what}: "
          f"{len(looks)} looks, {len(looks) - unread - len(wrong)} right, {unread} unread, "
          f"{len(wrong)} wrong; {median(depths)} frames, "
          f"walked in {median([look['walk_ns'] for look in looks]) // 1000} us", flush=True)
    for problem in wrong[:5]:
        print(f'    {problem}')
    return good


def main():
    build, pythons = sys.argv[1], sys.argv[2:] or ['python3']
    results = [try_one(build, python, what, count) for python in pythons
               for what, count in (('work', LOOKS), ('sleep', LOOKS // 2))]
    print(f'{results.count(True)} passed, {results.count(False)} failed')
    return 0 if all(results) else 1


if __name__ == '__main__':
    sys.exit(main())
