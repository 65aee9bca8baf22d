#!/usr/bin/env bash
# Years of history: size on disk, import, open and query times; the same roll-ups as Parquet under DuckDB beside them.
#
#   tests/scripts/history_bench.sh [YEARS] [TAGS]      default 5 1000: over an hour, 15 GB of disk and 6 GB of memory
#   COMPARE=0 tests/scripts/history_bench.sh           without DuckDB
#   KEEP=1 tests/scripts/history_bench.sh              leaves the files
#
# All files are in $ANDON_RESULTS (default target/history); those of the data are removed at the end.
set -euo pipefail
cd "$(dirname "$0")/../.."
# shellcheck source=tests/scripts/lib.sh
source tests/scripts/lib.sh

years=${1:-5}
tags=${2:-1000}
target=${CARGO_TARGET_DIR:-target}
out=${ANDON_RESULTS:-$target/history}
parquet=$out/parquet
clean() { rm -rf "$out/store" "$parquet"; }
mkdir -p "$out"
clean
((${KEEP:-0})) || trap clean EXIT

say "Building"
cargo build --release --locked --quiet --example history_bench
bench=("$target/release/examples/history_bench" --years "$years" --tags "$tags" --dir "$out/store" --json "$out/figures.json")
if ((${KEEP:-0})); then
    bench+=(--keep)
fi
say "$years years of $tags tags on $(nproc) cores, load $(cut -d' ' -f1 /proc/loadavg)"
if ! ((${COMPARE:-1})); then
    "${bench[@]}"
    exit 0
fi
need_venv history tests/compare/history_requirements.txt
duckdb=("$ANDON_CACHE/history/bin/python" tests/compare/history_duckdb.py)
# Through a pipe: as a file the rows would take 90 GB.
"${bench[@]}" --rows >("${duckdb[@]}" build /dev/stdin "$parquet")
wait $! || die "DuckDB did not take the rows"
say "The same in Andon and as Parquet under DuckDB"
"${duckdb[@]}" compare "$out/figures.json" "$parquet"
