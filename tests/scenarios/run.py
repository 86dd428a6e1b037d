#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
#
# run.py [OPTION ...] BUILD [NAME ...]: traces each scenario, analyzes the trace, and checks what
# the findings say. Prints the score by finding, and holds it against score.txt; exit 0: no figure
# is below the recorded one (with NAMEs: all of them are right).
#
# Rules: each run counts, none is tried again. Scenarios run one after the other; only those that
# say "load: light" run two at once. What cannot be run here is left out, and a line says so.
"""Scores the findings of analyze_trace on programs whose cause is known."""
import argparse
import concurrent.futures
import contextlib
import json
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

sys.dont_write_bytecode = True
# pylint: disable=wrong-import-position
import machine  # noqa: E402
import programs  # noqa: E402
import score  # noqa: E402

TIMEOUT_SECONDS = 30
SEAL_SECONDS = 10
LIGHT_AT_ONCE = 2
BROKEN = 99  # what scenarios in C end with where a call fails, and above it what a shell does
HERE = Path(__file__).resolve().parent
STREAMS = ("stdout", "stderr")
SEVERITIES = ("error", "warning", "note")


def read_slowly(stream, bytes_per_second):
    """The other end of a pipe, which does not keep up."""
    piece = max(bytes_per_second // 20, 1)
    with contextlib.suppress(ValueError):  # closed: the program is over
        while stream.read(piece):
            time.sleep(0.05)


def run_program(command, scenario, folder):
    """Runs it to its end in the folder. Returns what is wrong with that; "": nothing."""
    slow = {name: int(scenario.one(name).split()[1]) for name in STREAMS if scenario.one(name)}
    streams = {name: subprocess.PIPE if name in slow else subprocess.DEVNULL for name in STREAMS}
    # It has a session of its own: children that outlive it are ended with it.
    with subprocess.Popen(command, cwd=folder, env=machine.environment(),
                          stdin=subprocess.DEVNULL, start_new_session=True, bufsize=0,
                          **streams) as process:
        readers = [threading.Thread(target=read_slowly, args=(getattr(process, name), rate),
                                    daemon=True) for name, rate in slow.items()]
        for reader in readers:
            reader.start()
        status = None
        with contextlib.suppress(subprocess.TimeoutExpired):
            status = process.wait(timeout=TIMEOUT_SECONDS)
        machine.end_session(process)
    if status is None:
        return f"the program did not end within {TIMEOUT_SECONDS} s"
    failed = status >= BROKEN if scenario.source.suffix == ".c" else status > 0
    return f"the program failed, with status {status}" if failed else ""


def sealed(folder):
    """Waits until the helper is done: a program that dies does not wait for it."""
    end = time.monotonic() + SEAL_SECONDS
    while list(folder.glob("*.open")) and time.monotonic() < end:
        time.sleep(0.05)


def findings(build, trace):
    """The findings of all processes. One process has the order of the report."""
    done = subprocess.run([build / "analyze_trace", "--json", trace], capture_output=True,
                          check=False, text=True)
    if done.returncode != 0:
        return [{"severity": "error", "id": "no_trace", "title": done.stderr.strip(),
                 "culprit": "", "evidence": "", "advice": "", "cost_ns": 0}]
    report = json.loads(done.stdout)
    if "processes" not in report:
        return report["findings"]
    found = list(report.get("findings") or [])
    for process in report["processes"]:
        found += process["findings"]
    return sorted(found, key=lambda one: (SEVERITIES.index(one["severity"]),
                                          -(one["cost_ns"] or 0)))


class Runner:
    """Runs cases, each in a temporary folder of its own."""

    def __init__(self, build, keep):
        self.build = build
        self.keep = keep

    def attempt(self, case, number):
        """The verdict on one run."""
        with contextlib.ExitStack() as stack:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="scenario.")))
            trace, work = folder / "trace", folder / "work"
            if self.keep:
                trace = self.keep / f"{case.name.replace('/', '.').replace(' ', '_')}.{number}"
            work.mkdir()
            preload = {"LD_PRELOAD": str(self.build / "libtrace.so"),
                       "UVTRACE_PATH": str(trace / "trace.bin")}
            command = case.command(preload)
            command = machine.confined(stack, case.scenario, command, folder)
            broken = run_program(command, case.scenario, work)
            sealed(trace)
            return score.judge(case.scenario, findings(self.build, trace), broken)


def say(case, verdict):
    """One line."""
    if verdict.wrong:
        print(f"FAIL {case.name}: {case.scenario.expects}; {verdict.wrong}", flush=True)
    else:
        print(f"ok   {case.name}: {case.scenario.expects}", flush=True)


def run_all(runner, cases, number, total):
    """Light ones first, two at once; then the others alone."""
    light = [case for case in cases if case.scenario.one("load") == "light"]
    others = [case for case in cases if case not in light]
    with concurrent.futures.ThreadPoolExecutor(LIGHT_AT_ONCE) as pool:
        verdicts = pool.map(lambda case: runner.attempt(case, number), light)
        for case, verdict in zip(light, verdicts):
            say(case, verdict)
            total.add(case.scenario, verdict)
    for case in others:
        verdict = runner.attempt(case, number)
        say(case, verdict)
        total.add(case.scenario, verdict)


def options():
    """What was asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("build", type=lambda text: Path(text).resolve())
    parser.add_argument("names", nargs="*", metavar="NAME", help="only these (node/ for a folder)")
    parser.add_argument("--runs", type=int, default=1, help="each so often")
    parser.add_argument("--hogs", type=int, default=0, help="programs that compute beside them")
    parser.add_argument("--nodes", default="", help="versions that check-node has fetched")
    parser.add_argument("--keep", type=lambda text: Path(text).resolve(), metavar="FOLDER",
                        help="keep the traces there")
    parser.add_argument("--record", action="store_true", help="write score.txt")
    return parser.parse_intermixed_args()


def main():
    """Exit status."""
    asked = options()
    cases, left_out = programs.cases(HERE, asked.build, asked.names, asked.nodes.split())
    for name, why in sorted((case.name, case.left_out) for case in left_out):
        print(f"left out {name}: {why}", flush=True)
    rounds = [score.Score() for _ in range(asked.runs)]
    runner = Runner(asked.build, asked.keep)
    with machine.hogs(asked.hogs), machine.silent_name_server():
        for number, one in enumerate(rounds):
            run_all(runner, cases, number, one)
    total = score.Score.sum(rounds)
    total.show()
    if asked.names:
        return 0 if total.all_right() else 1
    record = score.Record(HERE / "score.txt")
    if asked.record:
        record.write(rounds)
        return 0
    return 0 if record.holds(total, {case.scenario.first_id for case in left_out}) else 1


if __name__ == "__main__":
    sys.exit(main())
