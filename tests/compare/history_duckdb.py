#!/usr/bin/env python3
"""The same roll-ups in Andon's history and as Parquet under DuckDB: size on disk and time of the same queries.

    history_duckdb.py FIGURES_JSON MINUTES_CSV DIR

FIGURES_JSON and MINUTES_CSV are what `history_bench --json --csv` wrote. The Parquet files are sorted by tag and time and
compressed with zstd, one of minutes and one of hours and one of days made from it, as Andon keeps tiers. DuckDB has as
many threads as the machine has cores; Andon takes up to four for many tags. They do not hold the same: Andon's rows have five
more columns (standard deviation, time-weighted mean, first, last, coverage), the Parquet file has count, min, max, mean.
"""

import argparse
import json
import os
import time
from pathlib import Path

import duckdb

# What history_bench ends with, and the year before it.
END_S = 1_772_323_200
YEAR_S = 365 * 86_400


def timed(connection, query):
    """Milliseconds of the first run and of the next."""
    times = []
    for _ in range(2):
        begun = time.perf_counter()
        rows = connection.execute(query).fetchnumpy()
        times.append((time.perf_counter() - begun) * 1e3)
        assert len(next(iter(rows.values()))) > 0
    return times


def build(connection, csv, folder):
    """Writes the tiers as Parquet; returns their paths and the seconds it took."""
    paths = {tier: folder / f"{tier}.parquet" for tier in ("minute", "hour", "day")}
    begun = time.perf_counter()
    connection.execute(
        f"""COPY (SELECT column0::USMALLINT tag, column1::BIGINT s, column2::USMALLINT n, column3::DOUBLE low,
                  column4::DOUBLE high, column5::DOUBLE mean FROM read_csv('{csv}', header=false) ORDER BY tag, s)
            TO '{paths["minute"]}' (FORMAT parquet, COMPRESSION zstd, PARQUET_VERSION v2)"""
    )
    for tier, length, source in (("hour", 3_600, "minute"), ("day", 86_400, "hour")):
        connection.execute(
            f"""COPY (SELECT tag, s - s % {length} s, sum(n)::UINTEGER n, min(low) low, max(high) high,
                      sum(mean * n) / sum(n) mean FROM '{paths[source]}' GROUP BY ALL ORDER BY tag, s)
                TO '{paths[tier]}' (FORMAT parquet, COMPRESSION zstd, PARQUET_VERSION v2)"""
        )
    return paths, time.perf_counter() - begun


def queries(connection, paths):
    """The queries of history_bench by the names it uses."""
    year = f"s >= {END_S - YEAR_S} AND s < {END_S}"
    usual = "sum(mean * n) / sum(n) mean, min(low) low, max(high) high"
    minute, hour, day = (paths[tier] for tier in ("minute", "hour", "day"))
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


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("figures", type=Path)
    parser.add_argument("csv", type=Path)
    parser.add_argument("dir", type=Path)
    args = parser.parse_args()
    ours = json.loads(args.figures.read_text())
    connection = duckdb.connect()
    connection.execute(f"SET temp_directory = '{args.dir / 'tmp'}'")
    connection.execute("SET memory_limit = '4GB'")
    paths, seconds = build(connection, args.csv, args.dir)
    size = sum(os.path.getsize(path) for path in paths.values())
    print(f"{'':32} {'Andon':>12} {'DuckDB':>12}")
    print(f"{'size on disk, GB':32} {ours['file_gb']:12.3f} {size / 1e9:12.3f}")
    print(f"{'import, s (DuckDB: from CSV)':32} {ours['import_s']:12.1f} {seconds:12.1f}")
    for name, (first, again) in queries(connection, paths).items():
        print(f"{name + ', first, ms':32} {ours[name + '_first_ms']:12.1f} {first:12.1f}")
        print(f"{name + ', again, ms':32} {ours[name + '_again_ms']:12.1f} {again:12.1f}")


if __name__ == "__main__":
    main()
