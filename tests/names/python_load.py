# SPDX-License-Identifier: Apache-2.0
#
# python_load.py work|sleep: a program whose stacks are known. Functions call each other in a chain,
# each in another way: directly, by C, by generators, coroutines, properties, closures. By a number
# that is handed on one of them does not go on, but works (sleeps) in its own frame. All code is
# made anew now and then, and closures with each call.
#
# chain() has the truth: which frames lie on each other, at which lines, called by whom. Nothing
# else that is written in Python ever runs in the main thread. Another one works all the time, in
# functions of its own. Prints a line when the chain has begun to run. Needs Python 3.8.
"""A program whose stacks are known, and what they are."""
import re
import sys
import threading
import time

FILE = 'gemacht_für_測試.py'
LEVELS = 27

# Text; frames that lie on each other, outermost first, in line #1, #2, ...; and how each of these
# lines calls what comes next: 'py' (from 3.11 on without C), 'C', 'resumed' (by C, but made without
# it), or '?': by version and by how often it ran.
WAYS = [
    ('''
def f_{0}(n):
    if n: return f_{1}(n - 1)  #1
    WORK
''', [('f_{0}', 'py')]),
    ('''
def f_{0}(n):
    if n: return list(map(f_{1}, (n - 1,)))  #1
    WORK
''', [('f_{0}', 'C')]),
    ('''
def f_{0}(n):
    if n: return sorted((n - 1,), key=f_{1})  #1
    WORK
''', [('f_{0}', 'C')]),
    ('''
def f_{0}(n):
    def values(n):
        yield f_{1}(n - 1)  #2
    if n:
        for value in values(n): pass  #1
        return value
    WORK
''', [('f_{0}', '?'), ('f_{0}.<locals>.values', 'py')]),
    ('''
def f_{0}(n):
    async def awaited(n):
        return f_{1}(n - 1)  #3
    async def waits(n):
        return await awaited(n)  #2
    if n:
        try:
            waits(n).send(None)  #1
        except StopIteration as end:
            return end.value
    WORK
''', [('f_{0}', 'resumed'), ('f_{0}.<locals>.waits', '?'), ('f_{0}.<locals>.awaited', 'py')]),
    ('''
class Größe_{0}:
    @property
    def größe(self):
        return f_{1}(self.n - 1)  #2

def f_{0}(n):
    if n:
        one = Größe_{0}()
        one.n = n
        return one.größe  #1
    WORK
''', [('f_{0}', '?'), ('Größe_{0}.größe', 'py')]),
    ('''
def f_{0}(n):
    def 内側(n, go=lambda n: f_{1}(n - 1)):  #3
        return go(n)  #2
    if n: return 内側(n)  #1
    WORK
''', [('f_{0}', 'py'), ('f_{0}.<locals>.内側', 'py'), ('f_{0}.<locals>.<lambda>', 'py')]),
    # Far down: many steps in the table of lines, and large ones.
    ('''
def f_{0}(n):
    try:
        raise ValueError(n)
    except ValueError:
''' + '        n = n + 0\n' * 140 + '\n' * 300 + '''
        if n: return f_{1}(n - 1)  #1
    WORK
''', [('f_{0}', 'py')]),
    ('''
class Compared_{0}:
    def __lt__(self, other):
        return f_{1}(self.n - 1)  #2

def f_{0}(n):
    if n:
        one = Compared_{0}()
        one.n = n
        return [one] < [Compared_{0}()]  #1
    WORK
''', [('f_{0}', 'C'), ('Compared_{0}.__lt__', 'py')]),
]
WORK = {
    'sleep': 'sleep(0.0005)  #0',
    'work': '''junk = [[n]]
    for k in range(n % 7 * 40 + 20):
        junk = [junk, k * 31 & 0xffff]
    junk.append(junk)''',
}


def source(what):
    texts = [WAYS[level % len(WAYS)][0].format(level, level + 1).replace('WORK', WORK[what])
             for level in range(LEVELS)]
    return '\n'.join(texts + [f'def f_{LEVELS}(n):\n    {WORK[what]}\n'])


def chain(what):
    """From f_0 inwards: (qualified name, first line, last line, line that calls or None, line that
    sleeps or None, how it is called)."""
    lines = source(what).split('\n')
    starts = [number for number, line in enumerate(lines)
              if re.match(r'(def|class) [^ ]*_\d+[(:]', line)] + [len(lines)]
    frames, how = [], 'py'
    for level in range(LEVELS + 1):
        at = next(i for i, start in enumerate(starts) if lines[start].startswith(f'def f_{level}('))
        begin = starts[at - 1] if at and lines[starts[at - 1]].startswith('class ') else starts[at]
        part = range(begin, starts[at + 1])
        for k, (name, calls) in enumerate(WAYS[level % len(WAYS)][1]
                                          if level < LEVELS else [('f_{0}', 'py')]):
            own = name.format(level)
            word = 'lambda' if own.endswith('>') else own.rpartition('.')[2]
            first = next(i for i in part if re.search(rf'\b{word}\b', lines[i]))
            first -= lines[first - 1].strip() == '@property'
            call = next((i + 1 for i in part if lines[i].endswith(f'#{k + 1}')), None)
            sleep = next((i + 1 for i in part if lines[i].endswith('#0')), None) if k == 0 else None
            last = starts[at + 1] if k == 0 else call
            frames.append((own, first + 1, last, call, sleep, how))
            how = calls
    return frames


def other():
    """For the second thread: never in a stack of the first."""
    def t_2():
        return [sorted(str(k) for k in range(40)) for _ in range(3)]

    def t_1():
        return list(map(lambda _: t_2(), range(3)))
    while True:
        t_1()


def main(what):
    text = source(what)
    made = {'sleep': time.sleep}
    seed, begun = 1, False
    if what == 'work':
        sys.setswitchinterval(0.0005)
        threading.Thread(target=other, daemon=True).start()
    while True:
        if seed % 1024 == 1:
            code = compile(text, FILE, 'exec')
        if seed % 128 == 1:
            exec(code, made)
        seed = seed * 1103515245 + 12345 & 0x7fffffff
        made['f_0']((seed >> 8) % (LEVELS + 1))
        if begun:
            continue
        begun = True
        print('ready', flush=True)


if __name__ == '__main__':
    main(sys.argv[1])
