#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
#
# generate.py [OPTION ...] BUILD: writes programs in C at random, each with one planted cause or
# none, builds and traces them, and checks that the first finding names cause and culprit, or that
# nothing is above a note. Prints the score; exit 0: at least SHARE of the causes are named and no
# program without one has a finding.
#
# Rules: a program depends on seed and number only; --first N --programs 1 writes one of them again.
# What is planted is known here and nowhere in the program.
"""Scores the findings on programs that are written at random."""
import argparse
import random
import string
import subprocess
import sys
import tempfile
from pathlib import Path

sys.dont_write_bytecode = True
# pylint: disable=wrong-import-position
import blocks  # noqa: E402
import causes  # noqa: E402
import machine  # noqa: E402
import run  # noqa: E402
import score  # noqa: E402

SHARE = 0.95
HEALTHY_SHARE = 0.35
HERE = Path(__file__).resolve().parent
VERBS = ("parse load send take keep join sort merge read apply check build close count draw find "
         "fold hash index list move pack query route scan sign sum sync trim walk").split()
NOUNS = ("invoice order picture page user token letter price batch queue record label frame "
         "packet branch basket ticket sample report metric sensor volume").split()
PROGRAM = """#include "scenario.h"
#include <signal.h>
static volatile int over;
static uv_loop_t loops[$COUNT];
$TOPS
$SETUPS
static void run_loop(void *loop) { run_for(loop, $MS); }
int main(void)
{
	uv_thread_t threads[$COUNT];
	for (int i = 0; i < $COUNT; i++)
		check(uv_loop_init(&loops[i]), "uv_loop_init");
	$CALLS
	for (int i = 1; i < $COUNT; i++)
		check(uv_thread_create(&threads[i], run_loop, &loops[i]), "uv_thread_create");
	$MAIN
	for (int i = 1; i < $COUNT; i++)
		uv_thread_join(&threads[i]);
	over = 1;
	$TAIL
	usleep(300000); /* the other threads see that it is over */
	return 0;
}
"""


class Names:
    """Names of functions, each once."""

    def __init__(self, rng):
        self.all = [f"{verb}_{noun}" for verb in VERBS for noun in NOUNS]
        rng.shuffle(self.all)

    def next(self):
        """Another one."""
        return self.all.pop()


class Program:
    """One program: its blocks by loop, and what must be found."""

    def __init__(self, seed, number):
        rng = self.rng = random.Random(f"{seed} {number}")
        self.names = Names(rng)
        self.loops = [[] for _ in range(rng.choice([1, 1, 2, 3]))]
        self.fields = {"expects": "healthy"}
        self.what = "nothing"
        self.main = "run_loop(&loops[0]);"
        self.tail, self.run_ms, self.blocks = "", 1300, 0
        for _ in range(rng.randint(1, 4)):
            self.add(*self.beside(), rng.choice(self.loops))
        if rng.random() < HEALTHY_SHARE:
            self.near()
        else:
            weights = [2 if causes.CAUSES[name].bodies else 1 for name in sorted(causes.CAUSES)]
            self.plant(rng.choices(sorted(causes.CAUSES), weights)[0])

    def add(self, block, values, loop):
        """A block on that loop."""
        self.blocks += 1
        values = {"X": f"b{self.blocks}", **values}
        while "$" in values.get("BODY", ""):
            values["BODY"] = string.Template(values["BODY"]).substitute(values)
        loop.append([string.Template(text).substitute(values) for text in block])

    def beside(self):
        """Something harmless that happens often."""
        body, least, most = self.rng.choice(blocks.BESIDE_BODIES)
        kind = self.rng.choice(sorted(blocks.DRIVERS))
        return blocks.DRIVERS[kind], {"CB": self.names.next(), "BODY": body,
                                      "PERIOD": self.rng.randint(least, most)}

    def near(self):
        """What comes near a cause and is none."""
        for _ in range(self.rng.randint(0, 2)):
            name = self.rng.choice(sorted(blocks.NEAR))
            self.add(blocks.NEAR[name], {"CB": self.names.next()}, self.rng.choice(self.loops))
            self.what = f"{self.what}; {name}"

    def plant(self, name):
        """A cause, on one of the loops."""
        rng, cause = self.rng, causes.CAUSES[name]
        kind = rng.choice(sorted(blocks.DRIVERS))
        long_ms = rng.randint(50, 160)
        values = {"CB": self.names.next(), "LONG": long_ms, "TENTH": rng.randint(1, 2),
                  "PERIOD": rng.randint(250, 400), "MANY": rng.randint(14, 40),
                  "WORK": rng.randint(15, 35), "BODY": rng.choice(cause.bodies or ("",))}
        on_loop = 0 if cause.main else rng.randrange(len(self.loops))
        self.add(causes.driven(name, cause, kind), values, self.loops[on_loop])
        if cause.bodies:  # what a callback does costs what others waited: somebody waits
            self.add(causes.TICKER, {"CB": self.names.next()}, self.loops[on_loop])
        if name == "computing work":  # more threads do not help it: others wait for the pool
            self.add(blocks.DRIVERS["fs"], {"CB": self.names.next(), "BODY": "", "PERIOD": 20},
                     self.loops[on_loop])
        self.what = f"{name} on loop {on_loop}" + (f" in a {kind} callback" if cause.bodies else "")
        culprit = "worker" if cause.main else values["CB"]
        self.fields = {"expects": f"{cause.expects} {culprit}", "env": cause.env}
        if cause.main:
            self.main = string.Template(cause.main).substitute(values)
        self.tail, self.run_ms = cause.tail, cause.runs_ms

    def source(self):
        """The program in C."""
        tops = "\n".join(top for loop in self.loops for top, _ in loop)
        setups = "\n".join(
            f"static void set_up_{number}(uv_loop_t *loop)\n{{\n(void)loop;\n"
            + "\n".join(setup for _, setup in loop) + "\n}"
            for number, loop in enumerate(self.loops))
        calls = " ".join(f"set_up_{number}(&loops[{number}]);" for number in range(len(self.loops)))
        return string.Template(PROGRAM).substitute(
            COUNT=len(self.loops), TOPS=tops, SETUPS=setups, CALLS=calls, MS=self.run_ms,
            TAIL=self.tail, MAIN=self.main)


class Planted:
    """A program as score.judge() and run.run_program() want a scenario."""

    def __init__(self, program, source):
        self.fields = program.fields
        self.source = source
        self.expects = self.fields["expects"]
        self.healthy = self.expects == "healthy"
        ids, _, culprit = self.expects.partition(" ")
        self.ids = ids.split("|")
        self.first_id = self.ids[0]
        self.culprits = [culprit]

    def one(self, field):
        """Its text; "": it is not there."""
        return self.fields.get(field, "")

    def all(self, field):
        """Its texts."""
        return [self.fields[field]] if field in self.fields else []


def attempt(asked, number):
    """(what was planted, the scenario, the verdict) of one program."""
    program = Program(asked.seed, number)
    with tempfile.TemporaryDirectory(prefix="scenario.") as folder:
        folder = (asked.keep / str(number)) if asked.keep else Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        source, binary, trace = folder / "program.c", folder / "program", folder / "trace"
        source.write_text(program.source(), encoding="ascii")
        subprocess.run(["cc", asked.optimize, "-g", "-rdynamic", "-D_GNU_SOURCE", f"-I{HERE}", "-o",
                        binary, source, "-luv", "-lpthread"], check=True)
        planted = Planted(program, source)
        command = ["env", f"LD_PRELOAD={asked.build / 'libtrace.so'}",
                   f"UVTRACE_PATH={trace / 'trace.bin'}", *planted.one("env").split(), binary]
        broken = run.run_program(command, planted, folder)
        run.sealed(trace)
        return program.what, planted, score.judge(planted, run.findings(asked.build, trace), broken)


def main():
    """Exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("build", type=lambda text: Path(text).resolve())
    parser.add_argument("--programs", type=int, default=300)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--first", type=int, default=1, help="number of the first")
    parser.add_argument("--hogs", type=int, default=0, help="programs that compute beside them")
    parser.add_argument("--optimize", default="-O1", help="how they are compiled")
    parser.add_argument("--keep", type=lambda text: Path(text).resolve(), metavar="FOLDER",
                        help="keep programs and traces there")
    asked = parser.parse_args()
    total = score.Score()
    with machine.hogs(asked.hogs):
        for number in range(asked.first, asked.first + asked.programs):
            what, planted, verdict = attempt(asked, number)
            total.add(planted, verdict)
            if verdict.wrong:
                print(f"FAIL {number} ({what}): {planted.expects}; {verdict.wrong}", flush=True)
    total.show()
    (named, sick), (left, healthy) = total.programs[False], total.programs[True]
    return 0 if named >= SHARE * sick and left == healthy else 1


if __name__ == "__main__":
    sys.exit(main())
