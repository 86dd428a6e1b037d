#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
#
# Holds score.py to what it says: which verdict it gives on which findings, and what it counts.
"""Tests of the score."""
import sys
import tempfile
import unittest
from pathlib import Path

sys.dont_write_bytecode = True
# pylint: disable=wrong-import-position
import programs  # noqa: E402
import score  # noqa: E402


def scenario(*lines):
    """One whose first comment has these lines."""
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "one.js"
        source.write_text("".join(f"// {line}\n" for line in lines) + "\ncode();\n")
        return programs.Scenario(source)


def finding(severity, name, culprit, title="", cost_ns=0):
    """As JSON has it."""
    return {"severity": severity, "id": name, "culprit": culprit, "title": title,
            "evidence": "", "advice": None, "cost_ns": cost_ns}


RIGHT = finding("warning", "spinning", "idle_cb app.c:3", "It spins: stop it.", 5_000_000)
OTHER = finding("error", "blocked_cpu", "parse app.c:9", "It computes.")
NOTE = finding("note", "coalesced", "take app.c:1")
SICK = ("expects: spinning idle_cb",)


class Judging(unittest.TestCase):
    """judge()."""

    def check(self, lines, found, right, false):
        """The verdict on these findings."""
        verdict = score.judge(scenario(*lines), found)
        self.assertEqual((verdict.right, verdict.false), (right, false), verdict.wrong)

    def test_the_first_finding_counts(self):
        self.check(SICK, [RIGHT, OTHER], "spinning", [])
        self.check(SICK, [OTHER, RIGHT], None, ["blocked_cpu"])
        self.check(SICK, [NOTE], None, [])
        self.check(SICK, [], None, [])

    def test_the_culprit_must_be_named(self):
        self.check(("expects: spinning other",), [RIGHT], None, ["spinning"])
        self.check(("expects: spinning other|idle",), [RIGHT], "spinning", [])
        self.check(("expects: hot_loop|spinning idle",), [RIGHT], "spinning", [])

    def test_a_healthy_program_has_notes_only(self):
        self.check(("expects: healthy",), [NOTE], None, [])
        self.check(("expects: healthy",), [OTHER, RIGHT, NOTE], None, ["blocked_cpu", "spinning"])

    def test_one_cause_is_told_once(self):
        again = {**RIGHT, "id": "ready_spin", "from_ns": 10, "to_ns": 30}
        first = {**RIGHT, "from_ns": 0, "to_ns": 100}
        self.check(SICK, [first, again], None, ["ready_spin"])
        self.check(SICK, [first, {**again, "severity": "note"}], "spinning", [])
        self.check(SICK, [first, {**again, "culprit": "other app.c:9"}], "spinning", [])
        self.check(SICK, [first, {**again, "from_ns": 90, "to_ns": 110}], "spinning", [])

    def test_texts(self):
        self.check((*SICK, "says: spins", "says: start | stop"), [RIGHT], "spinning", [])
        self.check((*SICK, "says: spins", "says: start"), [RIGHT], None, ["spinning"])
        self.check((*SICK, "never: stop it"), [RIGHT], None, ["spinning"])
        self.check((*SICK, "never: computes"), [RIGHT, OTHER], None, ["blocked_cpu"])

    def test_what_must_not_be_found(self):
        self.check((*SICK, "not: hot_loop blocked_cpu"), [RIGHT, OTHER], None, ["blocked_cpu"])
        self.check((*SICK, "not: coalesced"), [RIGHT, NOTE], "spinning", [])

    def test_costs(self):
        self.check((*SICK, "costs: 4 6"), [RIGHT], "spinning", [])
        self.check((*SICK, "costs: 6 9"), [RIGHT], None, ["spinning"])

    def test_a_note_that_is_expected(self):
        note = ("expects: coalesced take", "severity: note")
        self.check(note, [NOTE], "coalesced", [])
        self.check(note, [OTHER, NOTE], None, ["blocked_cpu"])
        some = ("expects: coalesced|blocked_cpu take|parse", "severity: any")
        self.check(some, [NOTE], "coalesced", [])
        self.check(some, [OTHER], "blocked_cpu", [])

    def test_a_scenario_that_does_not_work(self):
        verdict = score.judge(scenario("expects: healthy"), [], "it failed")
        self.assertEqual(verdict.wrong, "it failed")

    def test_a_header_that_is_wrong(self):
        with self.assertRaises(ValueError):
            scenario("expects: healthy", "sais: nothing")
        with self.assertRaises(ValueError):
            scenario("says: nothing")


class Counting(unittest.TestCase):
    """Score and Record."""

    def setUp(self):
        self.total = score.Score()
        sick, healthy = scenario(*SICK), scenario("expects: healthy")
        for one, found in ((sick, [RIGHT]), (sick, [OTHER]), (healthy, [RIGHT]), (healthy, [])):
            self.total.add(one, score.judge(one, found))

    def test_precision_and_recall(self):
        figures = self.total.figures()
        self.assertEqual(figures["spinning"], (0.5, 0.5))
        self.assertEqual(figures["blocked_cpu"], (0.0, 1.0))
        self.assertEqual(figures["all"], (1 / 3, 0.5))
        self.assertEqual(self.total.programs, {True: [1, 2], False: [1, 2]})
        self.assertFalse(self.total.all_right())

    def test_no_figure_may_fall(self):
        with tempfile.TemporaryDirectory() as folder:
            record = score.Record(Path(folder) / "score.txt")
            self.assertFalse(record.holds(self.total, set()))
            record.write([self.total])
            self.assertTrue(record.holds(self.total, set()))
            record.path.write_text("spinning 0.50 0.51\n")
            self.assertFalse(record.holds(self.total, set()))
            self.assertTrue(record.holds(self.total, {"spinning"}))
            record.path.write_text("spinning 0.51 0.50\n")
            self.assertFalse(record.holds(self.total, set()))

    def test_the_least_of_several_runs_is_recorded(self):
        with tempfile.TemporaryDirectory() as folder:
            record = score.Record(Path(folder) / "score.txt")
            better = score.Score()
            better.add(scenario(*SICK), score.Verdict("", "spinning", []))
            record.write([better, self.total])
            self.assertIn("spinning 0.50 0.50\n", record.path.read_text())


if __name__ == "__main__":
    unittest.main(buffer=True)
