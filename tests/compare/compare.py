#!/usr/bin/env python3
"""What a value costs in Andon's detector and in others, on this machine, one after the other.

    compare.py ANDON_JSON [--json]

ANDON_JSON is what `cargo bench --bench detection -- --json` has printed. All are fed the same signal: 1,000 tags at one
value per second, AR(1) noise with phi 0.3 around 50 with a standard deviation of 0.5, a minute of it again and again.
The slow ones are fed less of it; a figure is the median of several runs, on one thread unless it says otherwise.

They do not do the same. Andon's figure is all of its charts: mean, trend, spread, swings, spikes, standstill, with gaps
and repeats looked after. numpy is the two textbook charts of the mean alone; river's are one detector each per tag.
"""

import argparse
import json
import sys
import time
from statistics import median

import numpy as np
from river.anomaly import HalfSpaceTrees
from river.drift import PageHinkley

TAGS = 1_000
SCANS = 60
LEVEL, SPREAD, PHI = 50.0, 0.5, 0.3
RUNS = 5

# EWMA and CUSUM of the mean: smoothing and limit, allowance and limit, in standard deviations.
LAMBDA, EWMA_LIMIT = 0.2, 1.5
K, H = 0.5, 8.0


def signal(seed=1):
    """A minute of all tags: one row per second."""
    noise = np.random.default_rng(seed).standard_normal((SCANS, TAGS))
    rows = np.empty_like(noise)
    state = np.zeros(TAGS)
    for second in range(SCANS):
        state = PHI * state + np.sqrt(1 - PHI * PHI) * noise[second]
        rows[second] = LEVEL + SPREAD * state
    return rows


def numpy_charts(rows, minutes):
    """EWMA and two-sided CUSUM of every tag: a loop over time, vectors over tags."""
    ewma, high, low = np.zeros(TAGS), np.zeros(TAGS), np.zeros(TAGS)
    alarms = 0
    for _ in range(minutes):
        for row in rows:
            residual = (row - LEVEL) / SPREAD
            ewma += LAMBDA * (residual - ewma)
            high = np.maximum(high + residual - K, 0.0)
            low = np.maximum(low - residual - K, 0.0)
            is_alarm = (np.abs(ewma) > EWMA_LIMIT) | (high > H) | (low > H)
            alarms += np.count_nonzero(is_alarm)
    return alarms, minutes * rows.size


def page_hinkley(rows, minutes):
    """river's CUSUM of the mean, one per tag, value by value."""
    detectors = [PageHinkley(mode="both") for _ in range(TAGS)]
    alarms = 0
    scans = rows.tolist()
    for _ in range(minutes):
        for scan in scans:
            for detector, value in zip(detectors, scan):
                detector.update(value)
                alarms += detector.drift_detected
    return alarms, minutes * rows.size


def half_space_trees(rows, tags):
    """river's forest of half-space trees, one per tag as anybody would use it first; a minute of some tags."""
    forests = [HalfSpaceTrees(limits={"x": (LEVEL - 8 * SPREAD, LEVEL + 8 * SPREAD)}, seed=1) for _ in range(tags)]
    for forest in forests:
        forest.learn_one({"x": LEVEL})  # builds the trees, which is not to be measured
    alarms = 0
    begin = time.perf_counter()
    for scan in rows[:, :tags].tolist():
        for forest, value in zip(forests, scan):
            sample = {"x": value}
            alarms += forest.score_one(sample) > 0.9
            forest.learn_one(sample)
    return alarms, tags * len(rows), time.perf_counter() - begin


def measure(name, work, runs=RUNS):
    """Median cost of a value; `work` returns alarms, values and, when only a part of it counts, seconds."""
    costs = []
    for _ in range(runs):
        begin = time.perf_counter()
        _, values, *seconds = work()
        took = seconds[0] if seconds else time.perf_counter() - begin
        costs.append(took / values * 1e9)
    return {"name": name, "values": values, "ns_per_value": median(costs)}


def andon(cases):
    """Rows of Andon's own bench; the ratio is to the first."""
    for case in cases:
        threads = f", {case['threads']} threads" if case["threads"] > 1 else ""
        name = f"Andon, all charts, {case['tags']:,} tags{threads}"
        yield {"name": name, "values": case["values"], "ns_per_value": case["ns_per_value"]}


def table(rows):
    base = rows[0]["ns_per_value"]
    lines = [f"{'detector':<44}{'values per run':>15}{'ns per value':>14}{'ratio':>10}"]
    for row in rows:
        cost = row["ns_per_value"]
        lines.append(f"{row['name']:<44}{row['values']:>15,}{cost:>14,.1f}{cost / base:>10,.2f}")
    return "\n".join(lines)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("andon", type=argparse.FileType(), help="JSON of Andon's bench; - is standard input")
    parser.add_argument("--json", action="store_true", help="print machine-readable JSON")
    args = parser.parse_args()
    rows = list(andon(json.load(args.andon)["cases"]))
    data = signal()
    rows.append(measure("numpy, EWMA + CUSUM of the mean", lambda: numpy_charts(data, minutes=60)))
    rows.append(measure("river, PageHinkley", lambda: page_hinkley(data, minutes=5)))
    rows.append(measure("river, HalfSpaceTrees", lambda: half_space_trees(data, tags=20), runs=3))
    print(json.dumps(rows) if args.json else table(rows))


if __name__ == "__main__":
    sys.exit(main())
