#!/usr/bin/env bash
# Performance of the release binary against the simulated plant, on this machine: alarm latency, footprint, ceiling.
#
#   tests/scripts/performance.sh                       all three; about 20 minutes after the build
#   tests/scripts/performance.sh latency               one of: latency footprint ceiling
#   tests/scripts/performance.sh ceiling --ladder 200000 --seconds 10 --profile
#
# Prints a table with the goals and writes performance.json into the results directory. The exit code is 2 when a
# requirement is missed or a value is lost. ANDON_BIN names another gateway program to measure.
# Figures of a busy machine are no figures: the load average is printed beside each.
set -euo pipefail
cd "$(dirname "$0")/../.."
# shellcheck source=tests/scripts/lib.sh
source tests/scripts/lib.sh

target=${CARGO_TARGET_DIR:-target}
out=${ANDON_RESULTS:-$target/performance}

say "Building the gateway and the harness"
cargo build --release --quiet --workspace --bins --example performance

say "Measuring on $(nproc) cores, load $(cut -d' ' -f1 /proc/loadavg)"
status=0
"$target/release/examples/performance" \
    --andon "${ANDON_BIN:-$target/release/andon}" --dir "$out" --json "$target/performance.json" "$@" || status=$?
say "Results: $target/performance.json"

# Where the time went, when asked for and the machine can say.
for data in "$out"/*/perf.data; do
    [[ -e $data ]] || continue
    command -v perf >/dev/null || break
    say "Profile of the gateway: $data"
    perf report -i "$data" --no-children -g none --percent-limit 0.7 --stdio 2>/dev/null | grep -v '^#' | grep . | head -50
done
exit "$status"
