#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
#
# run.py BUILD [PART...]: names of the functions of JavaScript (part "v8") and Python (part
# "python") that stall samples find, held against what the programs say of themselves. A part is a
# module here with check(build, report).
# Rules: a check is one line ("ok" or "not ok"); the last line is "N passed, N failed", and the exit
# status says the same.
# LOOKS: how many samples each stress takes (60; the figures in docs/runtime-names.md: 1000).
# NAMES_VERSIONS: which versions are tried.
"""Runs the parts of make check-names."""
import importlib
import pathlib
import sys

PARTS = {'v8': 'v8_check', 'python': 'python_check'}


class Report:
    """Counts checks, and prints each."""

    def __init__(self):
        self.passed = self.failed = 0

    def check(self, name, good, detail=''):
        """Prints one line, and why it is not ok."""
        print(f'{"ok" if good else "not ok"} - {name}', flush=True)
        if good:
            self.passed += 1
            return
        self.failed += 1
        if detail:
            print(f'#   {detail}', flush=True)

    def note(self, text):
        """A figure."""
        print(f'# {text}', flush=True)


def main():
    """Each part in turn."""
    build = pathlib.Path(sys.argv[1]).resolve()
    report = Report()
    for part in sys.argv[2:] or PARTS:
        importlib.import_module(PARTS[part]).check(build, report)
    print(f'{report.passed} passed, {report.failed} failed')
    return report.failed > 0


if __name__ == '__main__':
    sys.exit(main())
