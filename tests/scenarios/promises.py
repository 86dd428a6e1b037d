#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
#
# promises.py BUILD: runs programs whose pool is too small, runs each again with the size that
# analyze_trace advises, and holds the waits against what was promised. Exit 0: all promises held.
#
# Rules: a promise is that a wait falls from what it was to about so much. It holds where the wait
# that is left is no more above that than SHARE of what it was: with enough threads only their
# waking is left, which differs by some ms from run to run, and a size that is one step too small
# lets requests wait for the work of others, which is a large part of what they waited before.
# What a busy machine does to a run is told by the trace itself: where the loop or the pool stood
# ready for longer than is allowed and was not run, the run says nothing and is made again.
"""Runs programs again with the size of the thread pool that was advised."""
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

PROGRAMS = ("pool_small", "pool_dns")
TRIES = 5
SHARE = 0.05
IDS = ("pool_small", "pool_dns", "pool_cpu")


def report_of(build, program, size, folder):
    """Traces it; the report of its process."""
    environment = {name: value for name, value in os.environ.items()
                   if not name.startswith(("UVTRACE_", "UV_"))}
    environment.update(LD_PRELOAD=str(build / "libtrace.so"), UVTRACE_PATH=f"{folder}/trace")
    if size:
        environment["UV_THREADPOOL_SIZE"] = str(size)
    subprocess.run([build / "scenarios" / program], env=environment, check=True, timeout=60)
    files = sorted(Path(folder).glob("trace*"))
    output = subprocess.run([build / "analyze_trace", "--json", *files], check=True, timeout=60,
                            stdout=subprocess.PIPE).stdout
    report = json.loads(output)
    return report.get("processes", [report])[0]


def trace(build, program, size=0):
    """The same in a folder of its own."""
    with tempfile.TemporaryDirectory() as folder:
        return report_of(build, program, size, folder)


def promise_of(report):
    """The size that the findings advise (0: none), the p99 wait with it, and what that was."""
    for finding in report["findings"]:
        if finding["id"] in IDS:
            facts = finding["facts"]
            return facts.get("size", 0), facts.get("size_p99_ns", 0), facts["wait_p99_ns"]
    return 0, 0, 0


def was_disturbed(report, most_ns):
    """Its threads stood ready for longer than that, and were not run."""
    return any((worker["sched_wait_ns"] or 0) > most_ns
               for worker in report["workers"])


def check(build, program):
    """Whether the promise held; says so."""
    size, about_ns, before_ns = promise_of(trace(build, program))
    most_ns = about_ns + SHARE * before_ns
    promised = f"{before_ns / 1e6:.1f} before, about {about_ns / 1e6:.1f} was promised"
    if not size:
        print(f"FAIL {program}: no size was promised")
        return False
    for _ in range(TRIES):
        report = trace(build, program, size)
        wait_ns = report["pool"]["wait"]["p99_ns"]
        if wait_ns < most_ns:
            print(f"ok   {program}: with {size} threads they wait {wait_ns / 1e6:.3f} ms at p99, "
                  f"{promised}")
            return True
        if not was_disturbed(report, most_ns):
            break
    else:
        print(f"left out {program}: the machine was too busy to tell; {wait_ns / 1e6:.3f} ms")
        return True
    print(f"FAIL {program}: with {size} threads requests still wait {wait_ns / 1e6:.3f} ms at p99, "
          f"{promised}")
    return False


def main():
    """Checks all programs."""
    build = Path(sys.argv[1]).resolve()
    return 0 if all([check(build, program) for program in PROGRAMS]) else 1


if __name__ == "__main__":
    sys.exit(main())
