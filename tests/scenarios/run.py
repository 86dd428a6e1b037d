#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
#
# run.py BUILD [NAME ...]: traces each scenario, analyzes the trace, and checks that the first
# finding names the planted cause and its culprit, or, of healthy programs, that nothing is above a
# note. Prints the score; exit 0: all are right.
#
# A machine that is busy with other things is a cause of its own, and the tool says so
# ("descheduled"). Where /proc/stat shows that others took more than BUSY of the machine meanwhile,
# that finding is set aside, and this is printed. A scenario that fails is tried again, TRIES times
# in all, and how often that was is printed too.
import json
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

TRIES = 3
BUSY = 0.25
HERE = Path(__file__).resolve().parent


def header(source):
    """The fields of a scenario's first comment."""
    comment = source.read_text().split("*/")[0]
    return dict(re.findall(r"^ \* (expects|says|never|env|quota): (.*)$", comment, re.M))


def machine():
    """Jiffies of all CPUs: busy, and in all."""
    numbers = [int(word) for word in Path("/proc/stat").read_text().split("\n")[0].split()[1:9]]
    return sum(numbers) - numbers[3] - numbers[4], sum(numbers)


def own_jiffies():
    times = os.times()
    return (times.children_user + times.children_system) * os.sysconf("SC_CLK_TCK")


def others_share(before, own_before):
    """What part of the machine others took since then."""
    busy, total = (now - then for now, then in zip(machine(), before))
    return (busy - (own_jiffies() - own_before)) / max(total, 1)


def quota_folder(quota):
    """A cgroup with that quota, v2's or v1's; None where none can be made."""
    for top in ("/sys/fs/cgroup", "/sys/fs/cgroup/cpu", "/sys/fs/cgroup/cpu,cpuacct"):
        folder = Path(top) / f"uvtrace_scenario.{os.getpid()}"
        quota_us, period_us = quota.split()
        files = {"cpu.max": quota} if top == "/sys/fs/cgroup" else \
            {"cpu.cfs_period_us": period_us, "cpu.cfs_quota_us": quota_us}
        try:
            folder.mkdir()
        except OSError:
            continue
        try:
            for name, text in files.items():
                with open(folder / name, "r+", encoding="ascii") as file:  # the kernel has made it
                    file.write(text)
            return folder
        except OSError:
            folder.rmdir()
    return None


def quota_possible(quota):
    folder = quota_folder(quota)
    if folder:
        folder.rmdir()
    return folder is not None


def quota_remove(folder):
    for _ in range(200):
        try:
            folder.rmdir()
            return
        except OSError:  # the helper is still in it
            subprocess.run(["sleep", "0.05"], check=True)


def trace(build, name, extra, folder, cgroup=None):
    def enter():
        (cgroup / "cgroup.procs").write_text(str(os.getpid()))

    environment = {key: value for key, value in os.environ.items()
                   if not key.startswith("UVTRACE_")}
    environment.update(pair.split("=", 1) for pair in extra.split())
    environment.update(LD_PRELOAD=str(build / "libtrace.so"),
                       UVTRACE_PATH=str(folder / "trace.bin"))
    subprocess.run([build / "scenarios" / name], env=environment, timeout=30,
                   stdout=subprocess.DEVNULL,
                   stderr=subprocess.PIPE, check=False, preexec_fn=enter if cgroup else None)


def sealed(folder):
    """Waits until the helper is done: a program that dies does not wait for it."""
    for _ in range(200):
        if not list(folder.glob("*.open")):
            return
        subprocess.run(["sleep", "0.05"], check=True)


def findings(build, folder):
    done = subprocess.run([build / "analyze_trace", "--json", folder], capture_output=True,
                          check=True, text=True)
    report = json.loads(done.stdout)
    first = report["processes"][0] if "processes" in report else report
    return first["findings"]


def texts(found):
    return " ".join(finding[key] or "" for finding in found
                    for key in ("title", "evidence", "advice"))


def judge(fields, found):
    """Empty where it is right, else what is wrong."""
    expects = fields["expects"]
    if "never" in fields and fields["never"] in texts(found):
        return f"it says: {fields['never']}"
    if "says" in fields and fields["says"] not in texts(found[:1]):
        return f"it does not say: {fields['says']}"
    worst = found[0] if found else None
    said = f"{worst['severity']} {worst['id']} {worst['culprit']}" if worst else "no finding"
    if expects == "healthy":
        return said if worst and worst["severity"] != "note" else ""
    ids, culprit = expects.split(" ", 1)
    right = (worst and worst["id"] in ids.split("|") and culprit in worst["culprit"]
             and worst["severity"] != "note")
    return "" if right else said


def attempt(build, name, fields):
    """What is wrong with it, and whether a busy machine was set aside."""
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        before, own_before = machine(), own_jiffies()
        cgroup = quota_folder(fields["quota"]) if "quota" in fields else None
        trace(build, name, fields.get("env", ""), folder, cgroup)
        busy = others_share(before, own_before) > BUSY and "descheduled" not in fields["expects"]
        sealed(folder)
        if cgroup:
            quota_remove(cgroup)
        found = findings(build, folder)
        kept = [finding for finding in found if not (busy and finding["id"] == "descheduled")]
        return judge(fields, kept), len(kept) < len(found)


def main():
    build = Path(sys.argv[1]).resolve()
    sources = {path.stem: path for path in HERE.glob("*/*.c")}
    names = sys.argv[2:] or sorted(sources)
    score = {True: [0, 0], False: [0, 0]}
    for name in names:
        fields = header(sources[name])
        if "quota" in fields and not quota_possible(fields["quota"]):
            print(f"left out {name}: no cgroup with a quota can be made here", flush=True)
            continue
        wrong, tries, aside = "?", 0, False
        while wrong and tries < TRIES:
            wrong, aside = attempt(build, name, fields)
            tries += 1
        again = f" (at the {tries}. try)" if tries > 1 and not wrong else ""
        again += " (busy machine set aside)" if aside else ""
        verdict, said = ("FAIL", f"; said: {wrong}") if wrong else ("ok  ", "")
        print(f"{verdict} {name}: {fields['expects']}{again}{said}", flush=True)
        count = score[fields["expects"] == "healthy"]
        count[0] += not wrong
        count[1] += 1
    print(f"scenarios: {score[False][0]} of {score[False][1]} causes named; "
          f"{score[True][0]} of {score[True][1]} healthy programs left in peace")
    return 0 if all(right == total for right, total in score.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
