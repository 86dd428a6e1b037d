#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
#
# Shows that each count of count_trace.py can fail: takes a good trace, breaks it in one way, and
# looks for the one count that has to tell.

import json
import unittest

from count_trace import count

START = {"event": "PollStart", "worker": 1, "kind": "read", "callback": "on_read", "object": "0x10"}
NESTED = {"event": "PollStart", "worker": 1, "kind": "close", "callback": "on_close",
          "object": "0x20"}
GOOD = [
    {"event": "TraceStart"},
    {"event": "WorkerPark", "worker": 1},
    {"event": "WorkerUnpark", "worker": 1, "ready": 1},
    START,
    {"event": "RequestSubmit", "worker": 1, "kind": "write"},
    NESTED,
    {**NESTED, "event": "PollEnd"},
    {**START, "event": "PollEnd"},
]


def counts_of(events):
    timed = [{"timestamp_ns": position, **event} for position, event in enumerate(events)]
    return count(json.dumps(event) for event in timed)


class CountTrace(unittest.TestCase):
    def check(self, events, **wanted):
        """Every other count is what it is in the good trace."""
        self.assertEqual(counts_of(events), {**counts_of(GOOD), **wanted})

    def test_good(self):
        expected = {"polls.read": 1, "polls.close": 1, "submits.write": 1, "parks": 1, "opens": 0,
                    "open_kinds": "none"}
        clean = dict.fromkeys(("stray_ends", "park_errors", "disorder", "lost", "unreadable"), 0)
        self.assertEqual(counts_of(GOOD), {**expected, **clean})

    def test_end_missing(self):
        self.check(GOOD[:-1], opens=1, open_kinds="read")

    def test_start_missing(self):
        broken = counts_of(GOOD[:3] + GOOD[4:])
        self.assertEqual((broken["stray_ends"], broken.get("polls.read")), (1, None))

    def test_ends_cross(self):
        self.check(GOOD[:-2] + [GOOD[-1], GOOD[-2]], stray_ends=2)

    def test_end_of_another_worker(self):
        self.check(GOOD[:-1] + [{**GOOD[-1], "worker": 2}], stray_ends=1, opens=1,
                   open_kinds="read")

    def test_end_of_another_object(self):
        self.check(GOOD[:-1] + [{**GOOD[-1], "object": "0x30"}], stray_ends=1)

    def test_unpark_missing(self):
        self.check(GOOD[:2] + GOOD[1:], parks=2, park_errors=1)

    def test_park_missing(self):
        self.check(GOOD[:1] + GOOD[2:], parks=0, park_errors=1)

    def test_lost(self):
        self.check(GOOD + [{"event": "Lost", "worker": 1}], lost=1)

    def test_disorder(self):
        self.check(GOOD + [{"event": "WorkerEnd", "worker": 1, "timestamp_ns": 0}], disorder=1)

    def test_unreadable(self):
        self.check(GOOD + [{"worker": 1}], unreadable=1)


if __name__ == "__main__":
    unittest.main(verbosity=0)
