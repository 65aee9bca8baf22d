#!/usr/bin/env bash
# A month of a simulated plant at 5 s through the release build: every figure against the simulator's ledger, and the planted
# effects of shifts. Takes about a quarter of an hour after the build. `cargo test` does two days of it.
set -euo pipefail
cd "$(dirname "$0")/../.."
cargo build --release --locked --bin andon
target=${CARGO_TARGET_DIR:-target}
ANDON_BIN=$(realpath "$target/release/andon") ANDON_MONTH_DAYS=30 ANDON_MONTH_SAMPLE_S=5 \
    cargo test --locked --test month -- --include-ignored --nocapture --test-threads 1
