# SPDX-License-Identifier: Apache-2.0
#
# What is right and wrong about findings. A verdict is about one run; a score counts by finding:
#   right   the first finding has the id, the culprit and the texts that the scenario expects
#   missed  the scenario expects this finding, and it is not right
#   false   it was said above a note of a healthy program, or first in place of what is expected,
#           or with a text that it must not have, or though the scenario has a "not" for it, or it
#           tells what one before it has told
# precision = right / (right + false), recall = right / (right + missed).
"""Judges findings and adds up the score."""
import collections

SAME_TIME = 0.8  # of the shorter one: two findings of one culprit are about the same
TEXTS = ("title", "culprit", "evidence", "advice")
# wrong: what is wrong, "": nothing; right: the id that was right; false: ids said falsely
Verdict = collections.namedtuple("Verdict", "wrong right false")


def _texts(finding):
    return " ".join(finding.get(key) or "" for key in TEXTS)


def _has(texts, wanted):
    return any(one in texts for one in wanted.split(" | "))


def _above(found):
    return [finding for finding in found if finding["severity"] != "note"]


def _brief(finding):
    return f"{finding['severity']} {finding['id']} {finding['culprit']}"


def _costs(scenario, finding):
    """What is wrong with its cost, in ms."""
    least, _, most = scenario.one("costs").partition(" ")
    cost_ms = (finding["cost_ns"] or 0) / 1e6
    if least and not float(least) <= cost_ms <= float(most):
        return f"costs {cost_ms:.0f} ms, not {least} to {most}"
    return ""


def _delays(scenario, finding):
    """What is wrong with how many transactions it delayed."""
    least = int(scenario.one("delays") or 0)
    delayed = (finding.get("transactions") or 0) + (finding.get("transactions_before") or 0)
    return f"delayed {delayed} transactions, not {least}" if delayed < least else ""


def _forbidden(scenario, found):
    """(id, what is wrong) of what must not be said."""
    for finding in found:
        for never in scenario.all("never"):
            if never in _texts(finding):
                yield finding["id"], f"says: {never}"
    banned = " ".join(scenario.all("not")).split()
    for finding in _above(found):
        if finding["id"] in banned:
            yield finding["id"], f"said: {_brief(finding)}"


def _overlap(one, other):
    """Of the shorter one's time, the share in which both are."""
    if any(finding.get("from_ns") is None for finding in (one, other)):
        return 0
    both = min(one["to_ns"], other["to_ns"]) - max(one["from_ns"], other["from_ns"])
    shorter = min(finding["to_ns"] - finding["from_ns"] for finding in (one, other))
    return both / shorter if shorter > 0 else float(both >= 0)


def _told_twice(found):
    """(id, what is wrong) of findings above a note that blame the callback that one before them
    has blamed for the same time."""
    above = _above(found)
    for at, finding in enumerate(above):
        for before in above[:at]:
            if finding["culprit"] and finding["culprit"] == before["culprit"] and \
                    not finding["culprit"].startswith(("worker ", "process ", "the ")) and \
                    _overlap(finding, before) > SAME_TIME:
                yield finding["id"], f"tells again: {_brief(before)}, as {_brief(finding)}"


def _candidate(scenario, found):
    """The finding that has to be right, and those that should not be before it."""
    above = _above(found)
    if scenario.one("severity") not in ("note", "any"):
        return (above[0] if above else None), []
    named = [one for one in found if one["id"] in scenario.ids]
    allowed = scenario.ids if scenario.one("severity") == "any" else []
    return (named[0] if named else None), [one for one in above if one["id"] not in allowed]


def _judge_sick(scenario, found):
    """(what is wrong, ids said falsely)."""
    finding, before = _candidate(scenario, found)
    if before:
        return f"said: {_brief(before[0])}", [one["id"] for one in before]
    if not finding:
        notes = ", ".join(_brief(one) for one in found) or "nothing"
        return f"said: {notes}", []
    if finding["id"] not in scenario.ids or not any(
            one in finding["culprit"] for one in scenario.culprits):
        return f"said: {_brief(finding)}", [finding["id"]]
    lacks = [text for text in scenario.all("says") if not _has(_texts(finding), text)]
    wrong = f"does not say: {lacks[0]}" if lacks else (
        _costs(scenario, finding) or _delays(scenario, finding))
    return (wrong and f"{_brief(finding)} {wrong}"), ([finding["id"]] if wrong else [])


def judge(scenario, found, broken=""):
    """The verdict on one run's findings. broken: the scenario itself did not work."""
    if broken:
        return Verdict(broken, None, [])
    forbidden = [*_forbidden(scenario, found), *_told_twice(found)]
    false = [one for one, _ in forbidden]
    if scenario.healthy:
        above = _above(found)
        wrong = f"said: {_brief(above[0])}" if above else forbidden[0][1] if forbidden else ""
        return Verdict(wrong, None, sorted({*false, *(one["id"] for one in above)}))
    wrong, more = _judge_sick(scenario, found)
    wrong = wrong or (forbidden[0][1] if forbidden else "")
    right = None if wrong else _candidate(scenario, found)[0]["id"]
    return Verdict(wrong, right, sorted({*false, *more}))


def _share(part, whole):
    return part / whole if whole else 1.0


class Score:
    """Counts by id."""

    def __init__(self):
        self.right = collections.Counter()
        self.missed = collections.Counter()
        self.false = collections.Counter()
        self.programs = {True: [0, 0], False: [0, 0]}  # healthy or not: right, all

    @classmethod
    def sum(cls, scores):
        """All of them as one."""
        total = cls()
        for one in scores:
            for name in ("right", "missed", "false"):
                getattr(total, name).update(getattr(one, name))
            for healthy, (right, every) in one.programs.items():
                total.programs[healthy][0] += right
                total.programs[healthy][1] += every
        return total

    def add(self, scenario, verdict):
        """One run."""
        if verdict.right:
            self.right[verdict.right] += 1
        elif not scenario.healthy:
            self.missed[scenario.first_id] += 1
        self.false.update(verdict.false)
        count = self.programs[scenario.healthy]
        count[0] += not verdict.wrong
        count[1] += 1

    def figures(self):
        """(id, precision, recall), and of all together."""
        names = sorted({*self.right, *self.missed, *self.false})
        counts = {name: (self.right[name], self.false[name], self.missed[name]) for name in names}
        counts["all"] = tuple(sum(column) for column in zip(*counts.values())) or (0, 0, 0)
        return {name: (_share(right, right + false), _share(right, right + missed))
                for name, (right, false, missed) in counts.items()}

    def show(self):
        """The table."""
        print("\nfinding            right missed false precision recall")
        for name, (precision, recall) in self.figures().items():
            right, missed, false = (sum(count.values()) if name == "all" else count[name]
                                    for count in (self.right, self.missed, self.false))
            print(f"{name:18} {right:5} {missed:6} {false:5} {precision:9.2f} {recall:6.2f}")
        named, sick = self.programs[False]
        left, healthy = self.programs[True]
        print(f"scenarios: {named} of {sick} causes named; "
              f"{left} of {healthy} healthy programs left in peace", flush=True)

    def all_right(self):
        """Nothing was wrong."""
        return all(right == total for right, total in self.programs.values())


class Record:
    """The file of recorded figures: id, precision, recall."""

    def __init__(self, path):
        self.path = path

    def write(self, scores):
        """The least of each, rounded down: what is recorded was reached each time."""
        every = [score.figures() for score in scores]
        names = dict.fromkeys(name for figures in every for name in figures)
        lines = []
        for name in names:
            least = (min(column) for column in zip(*(one.get(name, (1, 1)) for one in every)))
            lines.append(" ".join([name, *(f"{int(share * 100) / 100:.2f}" for share in least)]))
        self.path.write_text("\n".join(lines) + "\n", encoding="ascii")

    def holds(self, score, left_out):
        """Whether no figure is below the recorded one. Findings with scenarios that were left out
        are not compared."""
        if not self.path.exists():
            print(f"FAIL nothing is recorded in {self.path.name}")
            return False
        figures = score.figures()
        good = True
        for line in self.path.read_text(encoding="ascii").splitlines():
            name, *recorded = line.split()
            if name in left_out or (name == "all" and left_out):
                continue
            now = figures.get(name, (1.0, 1.0))
            for what, figure, least in zip(("precision", "recall"), now, map(float, recorded)):
                if figure < least:
                    print(f"FAIL {what} of {name} is {figure:.2f}; {least:.2f} is recorded")
                    good = False
        return good
