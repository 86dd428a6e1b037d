# SPDX-License-Identifier: Apache-2.0
#
# The scenarios and what runs them. A scenario is a source whose first comment says what it is and
# what must be found (scenario.h has the fields); a case is a scenario and one program that runs it:
# a script of node has two, an official node and one that uses a shared libuv.
"""Sources of scenarios, and the commands that run them."""
import re
import shutil
import subprocess
from pathlib import Path

import machine

ROOT = Path(__file__).resolve().parents[2]
FIELDS = ("expects", "severity", "says", "never", "not", "costs", "delays",
          "env", "quota", "cpus", "needs",
          "stdout", "stderr", "load", "nodes")
COMMENT = re.compile(r"^(?: \*|//|#|--) (\w+): (.*)$", re.M)
PYTHON = "/usr/bin/python3"  # of the distribution, whose uvloop uses a shared libuv
NVIM = ("nvim", "--headless", "-u", "NONE", "-i", "NONE", "-n", "-c")


class Scenario:
    """What its first comment says."""

    def __init__(self, source):
        self.source = source
        self.name = f"{source.parent.name}/{source.stem}"
        first = source.read_text(encoding="utf-8").split("*/" if source.suffix == ".c" else "\n\n")
        self.fields = {}
        for field, text in COMMENT.findall(first[0]):
            if field not in FIELDS:
                raise ValueError(f"{source}: no field is called {field}")
            self.fields.setdefault(field, []).append(text)
        self.expects = self.one("expects")
        if not self.expects:
            raise ValueError(f"{source}: it does not say what it expects")
        ids, _, culprits = self.expects.partition(" ")
        self.healthy = self.expects == "healthy"
        self.ids = ids.split("|")
        self.first_id = self.ids[0]
        self.culprits = culprits.split("|")

    def one(self, field):
        """Its text; "": it is not there."""
        return self.fields.get(field, [""])[0]

    def all(self, field):
        """Its texts, one a line."""
        return self.fields.get(field, [])


class Case:  # pylint: disable=too-few-public-methods
    """A scenario and what runs it."""

    def __init__(self, scenario, runtime, before, left_out=""):
        self.scenario = scenario
        self.name = f"{scenario.name} ({runtime})" if runtime else scenario.name
        self.before = before
        self.left_out = left_out or machine.why_not(scenario)

    def command(self, preload):
        """The command that runs it traced."""
        variables = dict(pair.split("=", 1) for pair in self.scenario.one("env").split())
        variables.update(preload)
        pairs = [f"{name}={value}" for name, value in variables.items()]
        return [part for word in self.before for part in (pairs if word is VARIABLES else [word])]


VARIABLES = object()  # where the variables belong in a command


def _output(*command):
    try:
        return subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()
    except OSError:
        return ""


def _official_nodes(build, versions):
    """Name and path of each official build: libuv is inside."""
    found = {}
    for version in versions:
        found[f"node {version}"] = build / "node" / version / "bin" / "node"
    path = shutil.which("node")
    shared = "process.stdout.write(String(process.config.variables.node_shared_libuv))"
    if path and _output(path, "-e", shared) == "false":
        found["node"] = Path(path)
    return found


class Runtimes:
    """What there is on this machine."""

    def __init__(self, build, versions):
        self.build = build
        self.official = _official_nodes(build, versions)
        self.shared_root = build / "real" / "root"
        self.uvloop = _output(PYTHON, "-c", "import uvloop; print(1)") == "1"
        self.nvim = shutil.which("nvim")

    def c(self, scenario):
        """Built by make."""
        program = self.build / "scenarios" / scenario.source.stem
        yield Case(scenario, "", ["env", VARIABLES, program])

    def js(self, scenario):
        """With each node."""
        kinds = (scenario.one("nodes") or "official shared").split()
        if "official" in kinds:
            for name, path in self.official.items():
                yield Case(scenario, name, ["env", VARIABLES, path, scenario.source],
                           "" if path.exists() else f"make check-node has not fetched {name}")
            if not self.official:
                yield Case(scenario, "node", [], "no official node is on the PATH")
        if "shared" in kinds:
            script = ROOT / "tests" / "real" / "node.sh"
            yield Case(scenario, "node, shared libuv",
                       [script, self.shared_root, VARIABLES, scenario.source],
                       "" if self.shared_root.exists() else
                       "Debian's node is not there (tests/real/setup.sh fetches it)")

    def py(self, scenario):
        """With uvloop."""
        yield Case(scenario, "", ["env", VARIABLES, PYTHON, scenario.source],
                   "" if self.uvloop else "python3-uvloop is not installed")

    def lua(self, scenario):
        """In neovim."""
        yield Case(scenario, "", ["env", VARIABLES, *NVIM, f"luafile {scenario.source}"],
                   "" if self.nvim else "nvim is not installed")


def _wanted(scenario, names):
    return not names or not names.isdisjoint(_names(scenario.source))


def _names(source):
    return {source.stem, f"{source.parent.name}/{source.stem}", f"{source.parent.name}/"}


def cases(folder, build, names, versions):
    """Those that can be run, and those that are left out."""
    runtimes = Runtimes(build, versions)
    sources = [path for suffix in ("c", "js", "py", "lua")
               for path in sorted(folder.glob(f"*/*.{suffix}"))]
    scenarios = [Scenario(path) for path in sources]
    names = set(names)
    unknown = names.difference(*map(_names, sources))
    if unknown:
        raise SystemExit(f"run.py: no such scenario: {' '.join(sorted(unknown))}")
    every = [case for one in scenarios if _wanted(one, names)
             for case in getattr(runtimes, one.source.suffix[1:])(one)]
    return [case for case in every if not case.left_out], [case for case in every if case.left_out]
