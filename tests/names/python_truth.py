#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
#
# python_truth.py BUILD: looks at python_load.py in each python of PYTHONS (default: the system's and those of pyenv), and
# holds each stack that was read against the known one: names, files, lines, and who was called by native code. LOOKS a
# python (default 1000), stopped at work; half as many asleep; as many at work that are read twice, where only what is
# equal is told. Exit 0: no wrong frame, and at most 1 % of the stacks could not be read, but for those that are read twice.
#
# While the main module makes the functions anew, their stack is not that of the chain: only
# <module> and main.
import json
import os
import re
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))
import python_load  # noqa: E402

LOOKS = int(os.environ.get('LOOKS', '1000'))
UNREAD_MAX = 0.01
WHOLE = 1
# What the program does, how it is looked at, the share of LOOKS, and whether most looks tell something.
WAYS = [('work', 'stop', 1, True), ('sleep', 'sleep', 0.5, True), ('work', 'run', 1, False)]
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


def looks_of(build, python, what, mode, count):
    program = subprocess.Popen([python, str(HERE / 'python_load.py'), what], stdout=subprocess.PIPE, text=True)
    try:
        if program.stdout.readline() != 'ready\n':
            raise SystemExit(f'{python}: python_load.py did not start')
        done = subprocess.run([f'{build}/look', '-n', str(count), '-p', '500', '-m', mode, str(program.pid)],
                              capture_output=True, text=True)
    finally:
        program.kill()
        program.wait()
        program.stdout.close()
    if done.returncode:
        raise SystemExit(done.stderr.strip())
    return [json.loads(line) for line in done.stdout.splitlines()]


def median(values):
    return sorted(values)[len(values) // 2]


def try_one(build, python, what, mode, count, tells):
    version = version_of(python)
    truth = expected(what, version)
    looks = looks_of(build, python, what, mode, count)
    problems = [judge(look, truth, version, what == 'sleep') for look in looks]
    unread = problems.count('unread')
    wrong = [problem for problem in problems if problem not in (None, 'unread')]
    frames = median([len(look['frames']) for look in looks if look['frames']] or [0])
    good = not wrong and len(looks) == count and unread <= count * (UNREAD_MAX if tells else 0.99)
    print(f"{'ok' if good else 'FAILED'}: {python} ({version // 100}.{version % 100}) {what}, {mode}: {len(looks)} looks, "
          f"{len(looks) - unread - len(wrong)} right, {unread} unread, {len(wrong)} wrong; {frames} frames in "
          f"{median([look['walk_ns'] for look in looks]) // 1000} us, {median([look['reads'] for look in looks])} reads",
          flush=True)
    for problem in wrong[:5]:
        print(f'    {problem}')
    return good


def pythons():
    given = os.environ.get('PYTHONS', '').split()
    own = [path for path in ('/usr/bin/python3',) if os.path.exists(path)] or ['python3']
    others = sorted(Path.home().glob('.pyenv/versions/3.*/bin/python3'))
    return given or own + [str(path) for path in others if version_of(str(path)) >= 308]


def main():
    build = sys.argv[1]
    results = [try_one(build, python, what, mode, int(LOOKS * share), tells) for python in pythons()
               for what, mode, share, tells in WAYS]
    print(f'{results.count(True)} passed, {results.count(False)} failed')
    return 0 if all(results) else 1


if __name__ == '__main__':
    sys.exit(main())
