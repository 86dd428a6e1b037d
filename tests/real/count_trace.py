#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
#
# count_trace.py < TRACE.jsonl: counts what trace_to_jsonl wrote and prints one "name value" a line,
# for run.sh to compare with what the traced program and its load generator counted.
#   polls.KIND     PollStarts of a kind         submits.KIND   RequestSubmits of a kind
#   opens          polls that never ended       open_kinds     their kinds, separated by commas
#   stray_ends     PollEnds without an open poll of the same kind, callback and object, innermost
#                  first
#   parks          WorkerParks                  park_errors    parks and unparks that do not take
#                  turns on a worker
#   disorder       lines earlier than the line before them
#   lost           Lost lines                   unreadable     lines that are no event

import collections
import json
import sys

SAME_AT_BOTH_ENDS = ("kind", "callback", "object")


class Counts:
    def __init__(self):
        self.values = collections.Counter(opens=0, stray_ends=0, parks=0, park_errors=0, disorder=0,
                                          lost=0, unreadable=0)
        self.open_polls = collections.defaultdict(list)
        self.parked = collections.defaultdict(bool)
        self.last_ns = 0
        self.handlers = {
            "PollStart": self.poll_start,
            "PollEnd": self.poll_end,
            "RequestSubmit": self.request_submit,
            "WorkerPark": self.worker_park,
            "WorkerUnpark": self.worker_unpark,
            "Lost": self.count_lost,
        }

    def poll_start(self, event):
        self.values["polls." + event["kind"]] += 1
        self.open_polls[event["worker"]].append(event)

    def poll_end(self, event):
        stack = self.open_polls[event["worker"]]
        start = stack.pop() if stack else {}
        if not start or any(event.get(name, start.get(name)) != start.get(name)
                            for name in SAME_AT_BOTH_ENDS):
            self.values["stray_ends"] += 1

    def request_submit(self, event):
        self.values["submits." + event["kind"]] += 1

    def worker_park(self, event):
        self.values["parks"] += 1
        self.values["park_errors"] += self.parked[event["worker"]]
        self.parked[event["worker"]] = True

    def worker_unpark(self, event):
        self.values["park_errors"] += not self.parked[event["worker"]]
        self.parked[event["worker"]] = False

    def count_lost(self, _event):
        self.values["lost"] += 1

    def add_line(self, line):
        try:
            event = json.loads(line)
            time_ns = event.get("timestamp_ns", self.last_ns)
            self.values["disorder"] += time_ns < self.last_ns
            self.last_ns = time_ns
            self.handlers.get(event["event"], lambda _event: None)(event)
        except (ValueError, KeyError, AttributeError, TypeError):
            self.values["unreadable"] += 1

    def finish(self):
        kinds = sorted(poll["kind"] for stack in self.open_polls.values() for poll in stack)
        self.values["opens"] = len(kinds)
        return {**self.values, "open_kinds": ",".join(kinds) or "none"}


def count(lines):
    counts = Counts()
    for line in lines:
        counts.add_line(line)
    return counts.finish()


if __name__ == "__main__":
    for name, value in sorted(count(sys.stdin).items()):
        print(name, value)
