#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
#
# record.py BUILD FOLDER: samples of three versions of node, with all that they read, as
# FOLDER/VERSION/*: what the fuzzer tests/fuzz/fuzz_names_v8.c works on. Not kept with the sources:
# the programs' memory is large.
"""Makes recordings of samples for the fuzzer."""
import pathlib
import shutil
import subprocess
import sys
import time

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
    process = node.start(*flags, v8_check.HERE / 'v8_stress.js')
    time.sleep(1)
    node.sample(process.pid, '-n', str(STRESS_SAMPLES), '-i', '20', '-o', folder)
    process.kill()
    process.wait()


def main():
    """Each version in turn; the folder appears whole or not at all."""
    build, folder = pathlib.Path(sys.argv[1]).resolve(), pathlib.Path(sys.argv[2])
    made = folder.with_name(folder.name + '.new')
    shutil.rmtree(made, ignore_errors=True)
    subprocess.run(
        [v8_check.HERE.parent / 'node' / 'setup.sh', build / 'node', *VERSIONS], check=True
    )
    for version in VERSIONS:
        node = v8_check.Node(build, version)
        (made / version).mkdir(parents=True)
        record_deep(node, (made / version).resolve())
        record_stress(node, (made / version).resolve())
        record_stress(node, (made / version).resolve(), '--stress-compaction')
    made.rename(folder)


if __name__ == '__main__':
    main()
