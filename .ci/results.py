#!/usr/bin/env python3
"""Writes `test-results/results.json`: a list of {"name", "outcome", "seconds"}.

    cargo test 2>&1 | .ci/results.py tests        prints what it reads, and records every test of that same run
    .ci/results.py step NAME OUTCOME SECONDS      adds one step of `.ci/run`

The stable test harness prints no times. It starts tests in the order of their names on a fixed number of threads, the
next one when one has ended, so the arrival of the lines `test NAME ... ok` tells both ends of every test. The
precision is that of a line through a pipe: a few milliseconds.
"""

import json
import os
import re
import sys
import time
from pathlib import Path

RESULTS = Path("test-results/results.json")
OUTCOMES = {"ok": "passed", "FAILED": "failed", "ignored": "ignored"}
BINARY = re.compile(r"^\s+Running (?:unittests )?(\S+) \(.*?([^/]+)-[0-9a-f]+\)")
DOC_TESTS = re.compile(r"^\s+Doc-tests (\S+)")
STARTED = re.compile(r"^running \d+ tests?$")
ENDED = re.compile(r"^test (.+?)(?: - should panic)? \.\.\. (ok|FAILED|ignored)\b")
SUMMARY = re.compile(r"^test result: \w+\. (\d+) passed; (\d+) failed; (\d+) ignored;")


class Suite:
    """The tests of one test program, as they end."""

    def __init__(self, name, started, threads):
        self.name = name
        self.started = started
        self.threads = threads
        self.ends = []

    def results(self):
        """Seconds per test: the n-th by name began when the (n - threads)-th to end had ended."""
        moments = sorted(end for _, _, end in self.ends)
        for index, (name, outcome, end) in enumerate(sorted(self.ends)):
            begin = moments[index - self.threads] if index >= self.threads else self.started
            yield {"name": f"{self.name}::{name}", "outcome": outcome, "seconds": round(max(0.0, end - begin), 3)}


def threads():
    return int(os.environ.get("RUST_TEST_THREADS") or len(os.sched_getaffinity(0)))


def record_tests(lines, clock):
    """Reads a test run; returns its results and how many tests its own summaries count."""
    results, counted, title, suite = [], 0, "tests", None
    for line in lines:
        sys.stdout.write(line)
        sys.stdout.flush()
        if match := BINARY.match(line):
            title = f"{match[2]} {match[1]}"
        elif match := DOC_TESTS.match(line):
            title = f"{match[1]} (documentation)"
        elif STARTED.match(line):
            suite = Suite(title, clock(), threads())
        elif suite and (match := ENDED.match(line)):
            suite.ends.append((match[1], OUTCOMES[match[2]], clock()))
        elif suite and (match := SUMMARY.match(line)):
            counted += sum(map(int, match.groups()))
            results += suite.results()
            suite = None
    if suite:
        results += suite.results()
    return results, counted


def load():
    return json.loads(RESULTS.read_text()) if RESULTS.exists() else []


def save(results):
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text("[\n" + ",\n".join("  " + json.dumps(entry) for entry in results) + "\n]\n")


def tests():
    results, counted = record_tests(sys.stdin, time.monotonic)
    save(load() + results)
    count = {outcome: sum(entry["outcome"] == outcome for entry in results) for outcome in OUTCOMES.values()}
    if counted != len(results):
        print(f"FAILED: {len(results)} tests were seen to end, the test programs count {counted}", file=sys.stderr)
        return 1
    if not count["passed"]:
        print("FAILED: no test passed", file=sys.stderr)
        return 1
    print(f"{count['passed']} passed, {count['failed']} failed, {count['ignored']} skipped")
    return 1 if count["failed"] else 0


def main(arguments):
    if arguments == ["tests"]:
        return tests()
    if len(arguments) == 4 and arguments[0] == "step":
        save(load() + [{"name": f"ci::{arguments[1]}", "outcome": arguments[2], "seconds": float(arguments[3])}])
        return 0
    print(__doc__, file=sys.stderr)
    return 64


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
