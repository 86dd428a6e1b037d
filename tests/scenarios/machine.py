# SPDX-License-Identifier: Apache-2.0
#
# What a scenario needs of the machine: a cgroup with a quota, some of the CPUs, a name server that
# never answers, other programs that compute. Rules: all of it ends with the run, and nothing of the
# machine's own is changed; what cannot be had is told by why_not().
"""The surroundings of scenarios."""
import contextlib
import os
import signal
import socket
import subprocess
import time
from pathlib import Path

NAME_SERVER = "127.0.0.9"
CGROUP_TOPS = ("/sys/fs/cgroup", "/sys/fs/cgroup/cpu", "/sys/fs/cgroup/cpu,cpuacct")


def environment():
    """That of this process, without what would change the recording."""
    return {key: value for key, value in os.environ.items() if not key.startswith("UVTRACE_")}


def _quota_folder(quota):
    """A cgroup with that quota, v2's or v1's; None where none can be made."""
    quota_us, period_us = quota.split()
    for top in CGROUP_TOPS:
        folder = Path(top) / f"uvtrace_scenario.{os.getpid()}"
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


def _quota_remove(folder):
    for _ in range(200):
        try:
            folder.rmdir()
            return
        except OSError:  # the helper is still in it
            time.sleep(0.05)


def _works(*command):
    try:
        return subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                              check=False).returncode == 0
    except OSError:
        return False


def _no_quota(quota):
    folder = _quota_folder(quota)
    if folder:
        folder.rmdir()
    return "" if folder else "no cgroup with a quota can be made here"


def _no_cpus(count):
    if len(os.sched_getaffinity(0)) < int(count):
        return f"this machine has fewer than {count} CPUs"
    return ""


def _no_need(what):
    if what != "silent_dns":
        return f"nobody knows what {what} is"
    if not _works("unshare", "--mount", "true"):
        return "no mount namespace can be made here, for a name server that never answers"
    return "" if _name_server_socket(probe=True) else f"port 53 of {NAME_SERVER} cannot be had"


NEEDS = {"quota": _no_quota, "cpus": _no_cpus, "needs": _no_need}


def why_not(scenario):
    """Why it cannot be run here; "": it can."""
    for field, refuse in NEEDS.items():
        why = refuse(scenario.one(field)) if scenario.one(field) else ""
        if why:
            return why
    return ""


def confined(stack, scenario, command, folder):
    """The command within what the scenario asks for; the stack undoes it."""
    if scenario.one("needs") == "silent_dns":
        resolv = folder / "resolv.conf"
        resolv.write_text(f"nameserver {NAME_SERVER}\noptions timeout:1 attempts:2\n")
        command = ["unshare", "--mount", "sh", "-c",
                   f'mount --bind {resolv} /etc/resolv.conf && exec "$@"', "sh", *command]
    if scenario.one("cpus"):
        some = sorted(os.sched_getaffinity(0))[:int(scenario.one("cpus"))]
        command = ["taskset", "-c", ",".join(map(str, some)), *command]
    if scenario.one("quota"):
        cgroup = _quota_folder(scenario.one("quota"))
        stack.callback(_quota_remove, cgroup)
        command = ["sh", "-c", f'echo $$ >{cgroup}/cgroup.procs && exec "$@"', "sh", *command]
    return command


def end_session(process):
    """Ends the program and its children, if they still run."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _name_server_socket(probe=False):
    silent = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    silent.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)  # two runs may be at work
    try:
        silent.bind((NAME_SERVER, 53))
    except OSError:
        silent.close()
        return None
    if probe:
        silent.close()
    return silent


@contextlib.contextmanager
def silent_name_server():
    """A name server that hears everything and says nothing."""
    silent = _name_server_socket()
    try:
        yield
    finally:
        if silent:
            silent.close()


@contextlib.contextmanager
def hogs(count):
    """So many programs that do nothing but compute."""
    started = []
    try:
        for _ in range(count):
            started.append(subprocess.Popen(  # pylint: disable=consider-using-with
                ["sh", "-c", "while :; do :; done"]))
        yield
    finally:
        for hog in started:
            hog.kill()
            hog.wait()
