#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
#
# v8_constants.py BUILD NODE: the layout of the V8 in an executable of node, and whether the row of
# it in preload/runtimes/v8_layout.def is right: stacks that the program tells of itself
# (v8_deep.js) are read with it. For a version that has no row one is looked for, with the values of
# the rows that there are, and printed. Exit status 0: the row is right.
#
# Rules: the product is told nothing: other values are tried by the test's tool alone
# (sample_names -c).
"""Checks or finds the row of a version of V8."""
import json
import pathlib
import re
import subprocess
import sys

import v8_check

LAYOUT = v8_check.HERE.parent.parent / 'preload' / 'runtimes' / 'v8_layout.def'
ROUNDS = 5000
STACKS = 6  # that a row is looked for with
NOT_TRIED = {'kind_regexp'}  # no stack of v8_deep.js shows it
OUTSIDE = {'version', 'c_entry_fp', 'handler_after'}


class Constants:
    """One executable, and the rows of the table."""

    def __init__(self, build, binary):
        self.node = v8_check.Node(build, 'constants')
        self.node.command = [str(pathlib.Path(binary).resolve())]
        table = LAYOUT.read_text()
        self.fields = re.findall(r'^V8_FIELD\((\w+)\)', table, re.M)
        self.rows = [
            dict(zip(self.fields, map(int, row.split(','))))
            for row in re.findall(r'^V8_VERSION\(([^)]*)\)', table, re.M)
        ]
        version = subprocess.run(
            [binary, '-p', 'process.versions.v8'], capture_output=True, text=True, check=True
        ).stdout
        self.version = int(version.split('.')[0]) * 100 + int(version.split('.')[1])
        print(f'V8 {version.strip()}')

    def layout(self, pid):
        """What the product knows of it."""
        return json.loads(
            subprocess.run(
                [self.node.build / 'names' / 'sample_names', '-l', str(pid)],
                capture_output=True,
                text=True,
                check=True,
            ).stdout
        )

    def score(self, pid, truth, row):
        """How good a row is for one stack: what is right, less what is not."""
        sample = self.node.sample(pid, *(f'-c{name}={value}' for name, value in row.items()))[0]
        counts, _faults = v8_check.compare(v8_check.frames_of(sample), truth)
        return (
            4 * counts['right']
            + counts['line about']
            - 8 * counts['wrong']
            - 4 * counts['wrong line']
            - 2 * counts['unknown']
            - counts['no line']
            - 2 * counts['missed']
        )

    def stacks(self):
        """Processes that stand still at some of the stacks, with what they tell."""
        found = []
        for skip in range(STACKS):
            process = self.node.start(
                v8_check.HERE / 'v8_deep.js',
                ROUNDS,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
            )
            for _times in range(2 * skip):
                process.stdout.readline()
                process.stdin.write('x')
                process.stdin.flush()
            found.append((process, v8_check.truth_of(json.loads(process.stdout.readline()))))
        return found

    def derive(self):
        """The best row: first of those that there are, then field by field."""
        stacks = self.stacks()
        exported = {
            name for name, value in self.layout(stacks[0][0].pid).items() if value
        } - OUTSIDE

        def total(row):
            tried = {name: value for name, value in row.items() if name not in exported}
            return sum(
                self.score(process.pid, truth, {**tried, 'has_lines': 1})
                for process, truth in stacks
            )

        place = self.node.sample(
            stacks[0][0].pid, '-chas_lines=0', '-cc_entry_fp=0', '-chandler_after=0'
        )[0]['exit_at']
        starts = [{**row, 'version': self.version, 'c_entry_fp': place} for row in self.rows]
        best = max(starts, key=total)
        most = total(best)
        for name in sorted(
            {name for row in self.rows for name in row}
            - exported
            - NOT_TRIED
            - {'version', 'c_entry_fp'}
        ):
            for value in sorted({row.get(name, 0) for row in self.rows} - {best.get(name, 0)}):
                points = total({**best, name: value})
                if points > most:
                    best, most = {**best, name: value}, points
        known = self.layout(stacks[0][0].pid)
        for process, _truth in stacks:
            process.kill()
            process.wait()
        return {
            name: known[name] if name in exported and known.get(name) else value
            for name, value in best.items()
            if value
        }


def row_text(fields, row):
    """As it stands in the table."""
    return 'V8_VERSION(' + ', '.join(str(row.get(field, 0)) for field in fields) + ')'


class Report:
    """What v8_check asks of one."""

    good = True

    def check(self, name, good, detail=''):
        """Prints what is not right."""
        self.good &= bool(good)
        print(f'{"ok" if good else "not ok"} - {name}' + (f'\n#   {detail}' if not good else ''))

    def note(self, text):
        """Prints a figure."""
        print(f'# {text}')


def main():
    """Checks the row, or finds one."""
    constants = Constants(pathlib.Path(sys.argv[1]).resolve(), sys.argv[2])
    process = constants.node.start('-e', 'for (;;);')
    print('layout:', constants.layout(process.pid))
    process.kill()
    process.wait()
    if constants.version not in {row['version'] for row in constants.rows}:
        print(
            'no row; the best with the values of the others (not tried: '
            + ', '.join(sorted(NOT_TRIED))
            + '):'
        )
        print(row_text(constants.fields, constants.derive()))
        return 1
    report = Report()
    for rounds in v8_check.ROUNDS:
        v8_check.check_deep(constants.node, report, rounds)
    return 0 if report.good else 1


if __name__ == '__main__':
    sys.exit(main())
