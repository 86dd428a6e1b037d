#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
#
# record.py BUILD FOLDER: samples of three versions of node and of each CPython that is installed,
# with all that they read, as FOLDER/v8/VERSION/* and FOLDER/cpython/VERSION/*: what the fuzzers
# tests/fuzz/fuzz_names_{v8,cpython}.c work on. Not kept with the sources: the programs' memory is
# large.
"""Makes recordings of samples for the fuzzer."""
import pathlib
import shutil
import subprocess
import sys

import python_truth
import v8_check

VERSIONS = ['18', '22', '26']
STRESS_SAMPLES = 12


def record_deep(node, folder):
    """Each of the stacks in it."""
    process = node.start(
        v8_check.HERE / 'v8_deep.js', 5000, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    for _line in process.stdout:
        node.sample(process.pid, '-o', folder)
        process.stdin.write('x')
        process.stdin.flush()
    process.stdin.close()
    process.wait()


def record_stress(node, folder, *flags):
    """Functions that move."""
    process = node.start_stress(flags=flags)
    node.sample(process.pid, '-n', str(STRESS_SAMPLES), '-i', '20', '-o', folder)
    process.kill()
    process.wait()


def record_python(build, python, folder):
    """Functions of every sort, as it computes and as it sleeps."""
    folder.mkdir(parents=True)
    python_truth.LOOKS = 2 * STRESS_SAMPLES
    for what, options, _tells in python_truth.WAYS[:2]:
        python_truth.samples_of(build, python, what, [*options, '-o', str(folder)])


def main():
    """Each version in turn; the folder appears whole or not at all."""
    build, folder = pathlib.Path(sys.argv[1]).resolve(), pathlib.Path(sys.argv[2])
    made = folder.with_name(folder.name + '.new')
    shutil.rmtree(made, ignore_errors=True)
    subprocess.run(
        [v8_check.HERE.parent / 'node' / 'setup.sh', build / 'node', *VERSIONS], check=True
    )
    for version in VERSIONS:
        node, own = v8_check.Node(build, version), (made / 'v8' / version).resolve()
        own.mkdir(parents=True)
        record_deep(node, own)
        record_stress(node, own)
        record_stress(node, own, '--stress-compaction')
    for python in python_truth.pythons():
        number = python_truth.version_of(python)
        own = (made / 'cpython' / f'{number // 100}.{number % 100}').resolve()
        if not own.exists():
            record_python(build, python, own)
    made.rename(folder)


if __name__ == '__main__':
    main()
