#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
#
# Applies each mutation of table.txt to a copy of the sources, builds what the named tests need,
# runs them, and reports which mutations survive: a test that passes with the mutation does not hold
# what it says it holds. One object tree (BUILD/mutations/build) serves all rows; each row compiles
# one file.
#
# Usage: run.py --help
# A row of the table is five fields, divided by " | " (a line that begins with # is a comment):
#   suite     unit, e2e, faults (Criterion), page or exports (node's test runner)
#   filter    which tests to run: Criterion's "suite/test" with wildcards;
#             for the others: the test file and a part of the test's name, "test_polls.js: a click"
#   file      the source that is changed
#   old       text that occurs exactly once in the file; \n is a line's end, \t a tab, \| a bar
#   new       what takes its place; "(nothing)" where it is only taken out
# Before the first mutation the named tests run once as they are: a test that fails anyway, or that
# matches nothing, shows nothing.
# Exit status: 0 every mutation was killed, 1 some survived, 2 rows could not be tried.

import argparse
import os
import re
import shutil
import signal
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
TEST_SECONDS_MAX = 300
BINARIES = {"unit": "unit_tests", "e2e": "e2e_tests", "faults": "fault_tests"}
FOLDERS = {"page": "viewer", "exports": "exports"}
# Quick to compile; the page is built for its own tests alone.
FLAGS = ["OPT=-O1 -g", "LTO=", f"ZYDIS={ROOT}/build/deps/zydis", f"LIBUV={ROOT}/build/deps/libuv"]
NO_PAGE = ["VIEWER_TOOLS="]


def fail(text):
    print(text, file=sys.stderr)
    sys.exit(2)


def text_of(field):
    if field == "(nothing)":
        return ""
    return field.replace("\\n", "\n").replace("\\t", "\t").replace("\\|", "|")


class Row:
    def __init__(self, number, line):
        fields = line.split(" | ")
        if len(fields) != 5 or (fields[0] not in BINARIES and fields[0] not in FOLDERS):
            fail(f"table.txt:{number}: not five fields, or no such suite")
        self.number = number
        self.suite, self.tests, self.file = fields[:3]
        self.old, self.new = (text_of(field) for field in fields[3:])
        self.label = (f"table.txt:{number}: {self.file}: {fields[3]} -> {fields[4]} "
                      f"({self.suite} {self.tests})")


def rows_read(texts):
    with open(os.path.join(HERE, "table.txt"), encoding="utf-8") as table:
        for number, line in enumerate(table, 1):
            line = line.rstrip("\n")
            if line and not line.startswith("#") and any(text in line for text in texts):
                yield Row(number, line)


def tree_make(tree):
    """A copy of what git knows, as it lies in the work tree; unchanged files keep their times."""
    names = subprocess.check_output(["git", "ls-files", "-co", "--exclude-standard"], cwd=ROOT,
                                    text=True)
    names = set(filter(None, names.split("\n")))
    for folder, folders, files in os.walk(tree):
        folders[:] = [name for name in folders if folder != tree or name != "build"]
        for name in files:
            path = os.path.join(folder, name)
            if os.path.relpath(path, tree) not in names:
                os.unlink(path)
    for name in names:
        source, copy = os.path.join(ROOT, name), os.path.join(tree, name)
        if not os.path.isfile(source):
            continue
        if os.path.exists(copy):
            with open(source, "rb") as a, open(copy, "rb") as b:
                if a.read() == b.read():
                    continue
        os.makedirs(os.path.dirname(copy), exist_ok=True)
        shutil.copyfile(source, copy)
        shutil.copymode(source, copy)


def build(tree, suite):
    """The first error that was said; None if it built."""
    targets = {"unit": ["build/unit_tests"], "page": ["tests", "build/bench/generate_trace",
                                                      "build/viewer-test/.installed"],
               "exports": ["tests", "build/bench/generate_trace",
                           "build/exports-test/.installed"]}
    flags = FLAGS + ([] if suite == "page" else NO_PAGE)
    done = subprocess.run(["make", "-j2", *flags, *targets.get(suite, ["tests"])], cwd=tree,
                          text=True, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    if done.returncode == 0:
        return None
    lines = done.stderr.strip().splitlines() or ["no reason"]
    return next((line for line in lines if "rror" in line), lines[-1])


def run_tests(tree, suite, tests):
    """True if the tests pass; None if the filter selects none."""
    if suite in FOLDERS:
        file, name = tests.split(": ", 1)
        command = ["node", "--test", "--test-reporter=tap", "--test-name-pattern", name,
                   f"tests/{FOLDERS[suite]}/{file}"]
    else:
        command = [os.path.join("build", BINARIES[suite]), "--jobs", "2", "--filter", tests]
    # A group of its own, so that a test that hangs is ended with what it has started.
    process = subprocess.Popen(command, cwd=tree, env={**os.environ, "BUILD": "build"},
                               text=True, errors="replace",
                               stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                               start_new_session=True)
    try:
        output, _ = process.communicate(timeout=TEST_SECONDS_MAX)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        return False
    if "Tested: 0 " in output or "Tested: \x1b[0;34m0" in output:
        return None
    if "\n# pass 0\n" in output and "\n# fail 0\n" in output:
        return None
    return process.returncode == 0


def pattern_of(old):
    """White space matches any white space: a row outlives a new formatting."""
    return re.compile(r"\s*".join(map(re.escape, re.findall(r"\w+|[^\w\s]", old))))


def fits(row):
    """Whether the row's old text is there exactly once."""
    path = os.path.join(ROOT, row.file)
    if not os.path.isfile(path):
        return False
    with open(path, encoding="utf-8") as file:
        return len(pattern_of(row.old).findall(file.read())) == 1


def replace(path, old, new):
    """Changes the file; its text before, or None if `old` is not there exactly once."""
    with open(path, encoding="utf-8") as file:
        text = file.read()
    found = list(pattern_of(old).finditer(text))
    if len(found) != 1:
        return None
    start, end = found[0].span()
    with open(path, "w", encoding="utf-8") as file:
        file.write(f"{text[:start]} {new.strip()} {text[end:]}")
    return text


def try_row(tree, row):
    """"killed", "SURVIVED", or why the row could not be tried."""
    path = os.path.join(tree, row.file)
    text = replace(path, row.old, row.new) if os.path.isfile(path) else None
    if text is None:
        return "the text is not there exactly once"
    try:
        error = build(tree, row.suite)
        if error:
            return f"does not build: {error}"
        return "SURVIVED" if run_tests(tree, row.suite, row.tests) else "killed"
    finally:
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)


def unmutated(tree, rows):
    """What is wrong with the tests as they are: rows of these show nothing."""
    wrong = {}
    for suite in sorted({row.suite for row in rows}):
        error = build(tree, suite)
        if error:
            fail(f"the sources do not build: {error}")
        tests = sorted({row.tests for row in rows if row.suite == suite})
        for at, name in enumerate(tests, 1):
            print(f"[{suite} {at}/{len(tests)}] unchanged: {name}", flush=True)
            passed = run_tests(tree, suite, name)
            if not passed:
                wrong[suite, name] = ("no test matches" if passed is None
                                      else "the test fails without any mutation")
    return wrong


def line_range(text):
    first, _, last = text.partition("-")
    return range(int(first), int(last or first) + 1)


def options_read():
    parser = argparse.ArgumentParser(
        description="Breaks the product in aimed ways: does a test fail each time?",
        epilog="Exit status: 0 all were killed (--fits: all fit), 1 some survived (do not fit), "
               "2 rows could not be tried.")
    parser.add_argument("--fits", action="store_true",
                        help="only check that each row's old text is in its file exactly once")
    parser.add_argument("--lines", type=line_range, default=range(sys.maxsize), metavar="FROM-TO",
                        help="only rows on these lines of table.txt")
    parser.add_argument("build", nargs="?", default="build",
                        help="folder for the changed copy of the sources (build)")
    parser.add_argument("texts", nargs="*", metavar="TEXT",
                        help="only rows that contain one of the texts")
    options = parser.parse_args()
    rows = [row for row in rows_read(options.texts or [""]) if row.number in options.lines]
    if not rows:
        parser.error("no row of table.txt is selected")
    return options, rows


def main():
    options, rows = options_read()
    if options.fits:
        misfits = [row.label for row in rows if not fits(row)]
        for label in misfits:
            print(f"the text is not there exactly once: {label}")
        sys.exit(1 if misfits else 0)
    tree = os.path.join(ROOT, options.build, "mutations")
    survived, wrong, killed = [], [], 0

    os.nice(10)
    os.makedirs(tree, exist_ok=True)
    tree_make(tree)
    bad_tests = unmutated(tree, rows)
    for at, row in enumerate(rows, 1):
        began = time.monotonic()
        verdict = bad_tests.get((row.suite, row.tests)) or try_row(tree, row)
        print(f"[{at}/{len(rows)}] {verdict}: {row.label}  ({time.monotonic() - began:.0f} s)",
              flush=True)
        if verdict == "killed":
            killed += 1
        elif verdict == "SURVIVED":
            survived.append(row.label)
        else:
            wrong.append(f"{row.label}: {verdict}")
    for line in wrong:
        print(f"not tried: {line}")
    for line in survived:
        print(f"survived: {line}")
    print(f"{len(rows)} mutations: {killed} killed, {len(survived)} survived, "
          f"{len(wrong)} not tried")
    sys.exit(2 if wrong else 1 if survived else 0)


if __name__ == "__main__":
    main()
