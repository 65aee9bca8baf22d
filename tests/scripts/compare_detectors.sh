#!/usr/bin/env bash
# What a value costs in Andon's detector, in plain numpy and in river, on this machine in one run: a table.
#
#   tests/scripts/compare_detectors.sh            half a minute after the build
#   tests/scripts/compare_detectors.sh --json     machine-readable
#
# Needs cargo, Python 3.11 or later and, the first time, PyPI; what they install is kept in $ANDON_CACHE. Not part of
# CI: the optimised build that the figures need takes minutes there, and figures of a busy machine are no figures.
# The load average is printed for that reason. What each of them does is in tests/compare/compare.py.
set -euo pipefail
cd "$(dirname "$0")/../.."
# shellcheck source=tests/scripts/lib.sh
source tests/scripts/lib.sh

command -v cargo >/dev/null || die "cargo is not on the PATH: install a Rust toolchain, https://rustup.rs"
need_venv compare-venv tests/compare/requirements.txt

figures=$(mktemp)
trap 'rm -f "$figures"' EXIT

say "Building Andon's bench" >&2
cargo bench --quiet --locked --bench detection --no-run
say "Measuring on $(nproc) cores, load $(cut -d' ' -f1-3 /proc/loadavg)" >&2
cargo bench --quiet --locked --bench detection -- --json >"$figures"
"$ANDON_CACHE/compare-venv/bin/python" tests/compare/compare.py "$figures" "$@"
