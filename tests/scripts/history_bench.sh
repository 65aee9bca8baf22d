#!/usr/bin/env bash
# Years of history: size on disk, import, open and query times; the same roll-ups as Parquet under DuckDB beside them.
#
#   tests/scripts/history_bench.sh [YEARS] [TAGS]      default 5 1000: an hour and 8 GB of disk
#   COMPARE_TAGS=0 tests/scripts/history_bench.sh      without DuckDB
#
# DuckDB gets a year of COMPARE_TAGS tags (default 100): its way in is CSV, which takes 1.8 GB for that. Both are then
# measured with the same data. All files are in $ANDON_RESULTS (default target/history) and are removed at the end.
set -euo pipefail
cd "$(dirname "$0")/../.."
# shellcheck source=tests/scripts/lib.sh
source tests/scripts/lib.sh

years=${1:-5}
tags=${2:-1000}
target=${CARGO_TARGET_DIR:-target}
out=${ANDON_RESULTS:-$target/history}
mkdir -p "$out"
trap 'rm -rf "$out/store" "$out"/*.parquet "$out/tmp"' EXIT

say "Building"
cargo build --release --quiet --example history_bench
say "$years years of $tags tags on $(nproc) cores, load $(cut -d' ' -f1 /proc/loadavg)"
bench="$target/release/examples/history_bench"
"$bench" --years "$years" --tags "$tags" --dir "$out/store" --json "$out/full.json"

compare_tags=${COMPARE_TAGS:-100}
((compare_tags)) || exit 0
need_venv history tests/compare/history_requirements.txt
say "A year of $compare_tags tags, here and as Parquet under DuckDB"
"$bench" --years 1 --tags "$compare_tags" --dir "$out/store" --json "$out/figures.json" --csv --keep >/dev/null
"$ANDON_CACHE/history/bin/python" tests/compare/history_duckdb.py "$out/figures.json" "$out/store/minutes.csv" "$out"
