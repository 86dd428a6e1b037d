#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
#
# promises.py BUILD: runs programs whose pool is too small, runs each again with the size that
# analyze_trace advises, and holds the waits against what was promised. Exit 0: all promises held.
#
# Rules: what a busy machine does to a run is told by the trace itself: where the loop or the pool
# stood ready and was not run for as long as is allowed, the run says nothing and is made again.
# The promise is "about": what is left with enough threads is their waking, and its median differs
# by FACTOR between two runs of one program on an idle machine, as does how long the first request
# waits for the start of the pool; so the median of RUNS promises counts. A size that is one step
# too small lets requests wait for the work of others, which is longer by more than that.
"""Runs programs again with the size of the thread pool that was advised."""
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

PROGRAMS = ("pool_small", "pool_dns")
TRIES = 5
GOAL_NS = 1_000_000  # pool_wait_goal: nothing is told of shorter waits
FACTOR = 3
RUNS = 3
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
    """The size that the findings advise, and the p99 wait; 0: they promise none."""
    for finding in report["findings"]:
        if finding["id"] in IDS:
            return finding["facts"].get("size", 0), finding["facts"].get("size_p99_ns", 0)
    return 0, 0


def was_disturbed(report, most_ns):
    """Its threads stood ready for longer than that, and were not run."""
    return any((worker["sched_wait_ns"] or 0) > most_ns
               for worker in report["workers"])


def check(build, program):
    """Whether the promise held; says so."""
    promises = sorted(promise_of(trace(build, program)) for _ in range(RUNS))
    size, about_ns = promises[RUNS // 2]
    most_ns = max(about_ns * FACTOR, GOAL_NS)
    promised = f"about {about_ns / 1e6:.3f} was promised"
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
