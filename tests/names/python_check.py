# SPDX-License-Identifier: Apache-2.0
#
# The Python part of run.py: python_truth.py looks at programs whose stacks are known, with each
# Python of the variable PYTHONS.
"""The names of Python's functions."""
import pathlib
import subprocess


def check(build, report):
    """Looks at each program, and holds the names against what it must be in."""
    script = pathlib.Path(__file__).with_name('python_truth.py')
    done = subprocess.run([str(script), str(build)], check=False)
    report.check('python: no sample told a wrong name', done.returncode == 0,
                 f'{script.name}: {done.returncode}')
