#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
#
# node_start.py BUILD [RUNS [OTHER_BUILD]]: what the preload adds to the start and end of `node -e
# 0`, in alternating runs: bare, without patching (UVTRACE_PATCH=0), patched, and patched by another
# build. Prints for each the median of the wall time and of the CPU time of the program (its helper
# excluded), and the median of the differences from bare, with its 95 % interval. NODE is another
# node. On a busy machine: chrt -f 1 node_start.py ...
import os
import resource
import shutil
import statistics
import sys
import tempfile
import time

BUILD = os.path.abspath(sys.argv[1])
RUNS = int(sys.argv[2]) if len(sys.argv) > 2 else 60
NODE = os.environ.get("NODE") or shutil.which("node")


def preload(build, **more):
    """The environment in which a build's library is there."""
    return {"LD_PRELOAD": os.path.abspath(build) + "/libtrace.so", **more}


ENVIRONMENTS = {"bare": {}, "libc": preload(BUILD, UVTRACE_PATCH="0"), "patched": preload(BUILD)}
if len(sys.argv) > 3:
    ENVIRONMENTS["other"] = preload(sys.argv[3])
MODES = list(ENVIRONMENTS)


def run_once(mode, folder):
    """Wall and CPU time in ms. The helper is not this process' child when the program has ended."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith("UVTRACE_")}
    environment.update(ENVIRONMENTS[mode], UVTRACE_PATH=folder + "/trace.bin")
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    begin = time.monotonic()
    pid = os.posix_spawn(NODE, [NODE, "-e", "0"], environment,
                         file_actions=[(os.POSIX_SPAWN_OPEN, 2, "/dev/null", os.O_WRONLY, 0)])
    _, status = os.waitpid(pid, 0)
    wall = time.monotonic() - begin
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if status:
        sys.exit(f"node_start.py: {mode}: status {status}")
    cpu = after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime
    return wall * 1000, cpu * 1000


def interval(values):
    """The order statistics that hold the median with 95 %."""
    values = sorted(values)
    reach = 0.98 * len(values) ** 0.5
    low = max(0, int(len(values) / 2 - reach))
    high = min(len(values) - 1, int(len(values) / 2 + reach))
    return values[low], values[high]


def main():
    times = {mode: [] for mode in MODES}
    folder = tempfile.mkdtemp(prefix="uvtrace-start-")
    try:
        for mode in MODES:
            run_once(mode, folder)
        for i in range(RUNS):
            for mode in MODES if i % 2 else MODES[::-1]:
                times[mode].append(run_once(mode, folder))
            shutil.rmtree(folder, ignore_errors=True)
            os.makedirs(folder, exist_ok=True)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    for mode in MODES:
        line = f"{mode:8}"
        for column, name in enumerate(["wall", "cpu"]):
            values = [pair[column] for pair in times[mode]]
            added = [pair[column] - bare[column]
                     for pair, bare in zip(times[mode], times[MODES[0]])]
            low, high = interval(added)
            line += (f"  {name} {statistics.median(values):7.2f} ms, "
                     f"+{statistics.median(added):5.2f} ({low:.2f} to {high:.2f})")
        print(line)


main()
