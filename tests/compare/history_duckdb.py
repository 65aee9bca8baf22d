#!/usr/bin/env python3
"""The same roll-ups in Andon's history and as Parquet under DuckDB: size on disk, time of import and of the same queries.

    history_duckdb.py build ROWS DIR         read what `history_bench --rows` writes, from a file or a pipe
    history_duckdb.py compare FIGURES DIR    ask the Parquet files; FIGURES is what `history_bench --json` wrote

The Parquet files are sorted by tag and time, compressed with zstd, a file for every TAGS_AT_ONCE tags of minutes and of the
hours and days made from them, as Andon keeps tiers. DuckDB has as many threads as the machine has cores; Andon takes up to
four for many tags. They do not hold the same: Andon's rows have five more columns (standard deviation, time-weighted mean,
first, last, coverage), the Parquet files have count, min, max, mean. Both are given their rows in memory, and each waits
while the other writes, so that neither's import is slowed by the other's.
"""

import argparse
import json
import time
from pathlib import Path

import duckdb
import numpy as np

# What history_bench ends with, and the year before it.
END_S = 1_772_323_200
YEAR_S = 365 * 86_400
# Five years of twenty tags are 53 M rows, 2 GB of memory.
TAGS_AT_ONCE = 20
# The columns of a block of rows, see the documentation of history_bench.
COLUMNS = {"s": "<i8", "n": "<u2", "low": "<f8", "high": "<f8", "mean": "<f8"}
TIERS = ("minute", "hour", "day")


def connect(folder):
    connection = duckdb.connect()
    connection.execute(f"SET temp_directory = '{folder / 'tmp'}'")
    connection.execute("SET memory_limit = '6GB'")
    return connection


def blocks(stream):
    """Each block as its tag and its columns."""
    while head := stream.read(8):
        tag, count = np.frombuffer(head, "<u4")
        columns = {}
        for name, kind in COLUMNS.items():
            size = int(count) * np.dtype(kind).itemsize
            data = stream.read(size)
            if len(data) != size:
                raise EOFError(f"the rows end within a block of tag {tag}")
            columns[name] = np.frombuffer(data, kind)
        yield int(tag), columns


def groups(stream):
    """The rows of TAGS_AT_ONCE tags after another, as columns."""
    waiting, tags = [], set()
    for tag, columns in blocks(stream):
        if tag not in tags and len(tags) == TAGS_AT_ONCE:
            yield together(waiting)
            waiting, tags = [], set()
        tags.add(tag)
        waiting.append({"tag": np.full(len(columns["s"]), tag, np.uint16), **columns})
    if waiting:
        yield together(waiting)


def together(parts):
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def write(connection, rows, folder, number):
    """Writes the three tiers of some tags; returns the seconds it took."""
    paths = {tier: folder / tier / f"{number:03}.parquet" for tier in TIERS}
    options = "FORMAT parquet, COMPRESSION zstd, PARQUET_VERSION v2"
    begun = time.perf_counter()
    connection.execute(f"COPY (SELECT tag, s, n, low, high, mean FROM rows) TO '{paths['minute']}' ({options})")
    for tier, length, source in (("hour", 3_600, "minute"), ("day", 86_400, "hour")):
        connection.execute(
            f"""COPY (SELECT tag, s - s % {length} s, sum(n)::UINTEGER n, min(low) low, max(high) high,
                      sum(mean * n) / sum(n) mean FROM '{paths[source]}' GROUP BY ALL ORDER BY tag, s)
                TO '{paths[tier]}' ({options})"""
        )
    return time.perf_counter() - begun


def build(args):
    connection = connect(args.dir)
    for tier in TIERS:
        (args.dir / tier).mkdir(parents=True)
    seconds, count = 0.0, 0
    with open(args.rows, "rb") as stream:
        for number, rows in enumerate(groups(stream)):
            seconds += write(connection, rows, args.dir, number)
            count += len(rows["s"])
    if count == 0:
        raise EOFError("no rows came")
    (args.dir / "build.json").write_text(json.dumps({"import_s": seconds, "rows": count}))


def timed(connection, query):
    """Milliseconds of the first run, and of the fastest of the next three, as history_bench counts them."""
    times = []
    for _ in range(4):
        begun = time.perf_counter()
        rows = connection.execute(query).fetchnumpy()
        times.append((time.perf_counter() - begun) * 1e3)
        assert len(next(iter(rows.values()))) > 0
    return times[0], min(times[1:])


def queries(connection, folder):
    """The queries of history_bench by the names it uses."""
    year = f"s >= {END_S - YEAR_S} AND s < {END_S}"
    usual = "sum(mean * n) / sum(n) mean, min(low) low, max(high) high"
    minute, hour, day = (folder / tier / "*.parquet" for tier in TIERS)
    return {
        "one_tag_1y_1min": timed(connection, f"SELECT s, mean, low, high FROM '{minute}' WHERE tag = 3 AND {year} ORDER BY s"),
        "one_tag_1y_hourly": timed(connection, f"SELECT s, mean, low, high FROM '{hour}' WHERE tag = 3 AND {year} ORDER BY s"),
        "all_tags_1y_hourly_mean": timed(connection, f"SELECT tag, s, mean FROM '{hour}' WHERE {year} ORDER BY tag, s"),
        "all_tags_1y_hourly": timed(connection, f"SELECT tag, s, mean, low, high FROM '{hour}' WHERE {year} ORDER BY tag, s"),
        "all_tags_1y_daily": timed(connection, f"SELECT tag, s, mean, low, high FROM '{day}' WHERE {year} ORDER BY tag, s"),
        "all_tags_1y_monthly": timed(
            connection,
            f"SELECT tag, date_trunc('month', to_timestamp(s)) m, {usual} FROM '{day}' WHERE {year} GROUP BY ALL ORDER BY ALL",
        ),
    }


def compare(args):
    ours = json.loads(args.figures.read_text())
    theirs = json.loads((args.dir / "build.json").read_text())
    size = sum(path.stat().st_size for tier in TIERS for path in (args.dir / tier).glob("*.parquet"))
    print(f"{theirs['rows']} rows of minutes in both; DuckDB {duckdb.__version__}")
    print(f"{'':36} {'Andon':>10} {'DuckDB':>10} {'ratio':>7}")

    def line(name, our, their):
        print(f"{name:36} {our:10.3f} {their:10.3f} {our / their:7.2f}")

    line("size on disk, GB", ours["file_gb"], size / 1e9)
    line("import, s", ours["import_s"], theirs["import_s"])
    for name, (first, again) in queries(connect(args.dir), args.dir).items():
        line(f"{name}, first, ms", ours[f"{name}_first_ms"], first)
        line(f"{name}, again, ms", ours[f"{name}_again_ms"], again)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(required=True)
    for name, what, run in (("build", "rows", build), ("compare", "figures", compare)):
        command = commands.add_parser(name)
        command.add_argument(what, type=Path)
        command.add_argument("dir", type=Path)
        command.set_defaults(run=run)
    args = parser.parse_args()
    args.run(args)


if __name__ == "__main__":
    main()
