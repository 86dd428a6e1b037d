#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""check_traces.py BUILD FOLDER LIBUV MODE LEFT TESTS: reads every trace that a run of libuv's test
suite left in FOLDER.

Each process must be read by analyze_trace and by trace_to_jsonl without an error or a problem, and
name LIBUV as the library it saw, where the suite itself may be that, patched. At least half as many
processes as there are TESTS must have left a trace. The file LEFT, what was there a second after
the end, must be empty; but where the drain is a thread of the program (MODE), one that was killed
leaves its ring file, and what is in that must be in what was read. The suite kills its servers when
a test is over: one that was just about to end may have sealed its trace already, which happens to
few. Says what is wrong in lines that begin with "#".
"""

import glob
import json
import subprocess
import sys

ENDING_MAX = 3


def run(command):
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    return result.returncode, result.stdout, result.stderr.strip()


def main():
    build, folder, libuv, mode, left, tests = sys.argv[1:]
    tier = "full" if libuv.endswith(".so.1") else "full (patched)"
    wrong = []
    status, text, errors = run([f"{build}/analyze_trace", "--json", folder,
                                *glob.glob(f"{folder}/uvtrace.*")])
    if status or errors:
        wrong.append(f"analyze_trace: status {status}: {errors}")
    processes = json.loads(text or "{}").get("processes", [])
    status, _, errors = run([f"{build}/trace_to_jsonl", folder, "/dev/null"])
    if status or errors:
        wrong.append(f"trace_to_jsonl: status {status}: {errors}")
    for process in processes:
        where = f"process {process['pid']} ({process['command']})"
        wrong += [f"{where}: {problem}" for problem in process["problems"]]
        if process["libuv_path"] != libuv or process["tier"] != tier:
            wrong.append(f"{where}: saw {process['libuv_path']}, tier {process['tier']}")
    sealed = {p["pid"]: p["sealed"] for p in processes if mode == "thread"}
    ending = []
    with open(left, encoding="utf-8") as lines:
        for line in lines:
            kind, name = line.split()[0], line.split()[-1]
            said = f"left behind: {line.strip()}"
            if kind != "ring" or int(name.split(".")[1]) not in sealed:
                wrong.append(said)
            elif sealed[int(name.split(".")[1])]:
                ending.append(said)
    if len(ending) > ENDING_MAX:
        wrong += ending
    if len(processes) < int(tests) / 2:
        wrong.append(f"only {len(processes)} traces of {tests} tests")
    events = sum(process["events"] for process in processes)
    lost = sum(process["lost_events"] for process in processes)
    print(f"# {len(processes)} processes left traces: {events} events, {lost} lost")
    for line in wrong[:20]:
        print(f"#   {line}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
