#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
#
# Applies each mutation of table.txt to a copy of the sources, builds what the named tests need, runs them, and reports
# which mutations survive: a test that passes with the mutation does not hold what it says it holds.
#
# Usage: run.py [BUILD] [PATTERN]   only mutations whose file or change contains PATTERN
# A row of the table is five fields, divided by " | " (a line that begins with # is a comment):
#   suite     unit, e2e, faults (Criterion) or page (node's test runner)
#   filter    which tests to run: Criterion's "suite/test" with wildcards; for page: a part of the test's name
#   file      the source that is changed
#   old       text that occurs exactly once in the file
#   new       what takes its place
# Exit status: 0 every mutation was killed, 1 some survived, 2 the table is wrong.

import os
import shutil
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
TEST_SECONDS_MAX = 300
BINARIES = {"unit": "unit_tests", "e2e": "e2e_tests", "faults": "fault_tests"}


def rows():
    with open(os.path.join(HERE, "table.txt"), encoding="utf-8") as table:
        for number, line in enumerate(table, 1):
            line = line.rstrip("\n")
            if not line or line.startswith("#"):
                continue
            fields = line.split(" | ")
            if len(fields) != 5 or (fields[0] not in BINARIES and fields[0] != "page"):
                sys.exit(f"table.txt:{number}: not five fields, or no such suite")
            yield number, *fields


def tree_make(tree):
    """A copy of what git knows, as it lies in the work tree, that keeps the times of unchanged files."""
    names = subprocess.check_output(["git", "ls-files", "-co", "--exclude-standard"], cwd=ROOT, text=True).split("\n")
    for name in filter(None, names):
        source, copy = os.path.join(ROOT, name), os.path.join(tree, name)
        if not os.path.isfile(source):
            continue
        if os.path.exists(copy) and os.path.getmtime(copy) == os.path.getmtime(source):
            continue
        os.makedirs(os.path.dirname(copy), exist_ok=True)
        shutil.copy2(source, copy)


def build(tree, suite):
    targets = ["build/unit_tests"] if suite == "unit" else ["tests"]
    done = subprocess.run(["make", "-j2", *targets], cwd=tree, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    return done.returncode == 0, done.stderr


def run_tests(tree, suite, tests):
    """True if the tests pass; None if the filter selects none."""
    if suite == "page":
        files = sorted(os.path.join("tests/viewer", f) for f in os.listdir(os.path.join(tree, "tests/viewer")) if f.startswith("test_"))
        command = ["node", "--test", "--test-name-pattern", tests, *files]
    else:
        command = [os.path.join("build", BINARIES[suite]), "--jobs", "2", "--filter", tests]
    try:
        done = subprocess.run(command, cwd=tree, env={**os.environ, "BUILD": "build"}, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, timeout=TEST_SECONDS_MAX)
    except subprocess.TimeoutExpired:
        return False
    if "Tested: 0 " in done.stdout or "# pass 0\n" in done.stdout and "# fail 0\n" in done.stdout:
        return None
    return done.returncode == 0


def mutate(path, old, new):
    with open(path, encoding="utf-8") as file:
        text = file.read()
    if text.count(old) != 1:
        return None
    with open(path, "w", encoding="utf-8") as file:
        file.write(text.replace(old, new))
    return text


def restore(path, text):
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
    os.utime(path)


def main():
    build_folder = sys.argv[1] if len(sys.argv) > 1 else "build"
    pattern = sys.argv[2] if len(sys.argv) > 2 else ""
    tree = os.path.join(ROOT, build_folder, "mutations")
    chosen = [row for row in rows() if pattern in " | ".join(row[1:])]
    survived, wrong = [], []

    os.makedirs(tree, exist_ok=True)
    tree_make(tree)
    for suite in sorted({row[1] for row in chosen}):
        ok, error = build(tree, suite)
        if not ok:
            sys.exit(f"the sources do not build: {error}")
    for at, (number, suite, tests, name, old, new) in enumerate(chosen, 1):
        began = time.monotonic()
        path = os.path.join(tree, name)
        text = mutate(path, old, new) if os.path.isfile(path) else None
        if text is None:
            wrong.append(f"table.txt:{number}: the text is not found exactly once in {name}")
            continue
        built, error = build(tree, suite)
        passed = run_tests(tree, suite, tests) if built else None
        restore(path, text)
        if not built:
            wrong.append(f"table.txt:{number}: does not build: {error.strip().splitlines()[-1] if error else ''}")
            verdict = "does not build"
        elif passed is None:
            wrong.append(f"table.txt:{number}: no test matches {tests}")
            verdict = "no such test"
        else:
            verdict = "SURVIVED" if passed else "killed"
            if passed:
                survived.append(f"table.txt:{number}: {name}: {old} -> {new} ({suite} {tests})")
        print(f"[{at}/{len(chosen)}] {verdict}  {name}: {old}  ({time.monotonic() - began:.0f} s)", flush=True)
    for line in wrong + survived:
        print(line)
    print(f"{len(chosen)} mutations: {len(chosen) - len(wrong) - len(survived)} killed, {len(survived)} survived, {len(wrong)} could not be tried")
    sys.exit(2 if wrong else 1 if survived else 0)


main()
