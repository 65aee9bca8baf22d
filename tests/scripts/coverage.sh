#!/usr/bin/env bash
# Line coverage of the tests: in all, and per directory for what turns bytes from a device into judged values.
#
#   tests/scripts/coverage.sh [cargo test arguments, default: the whole suite]
#
# Needs no component of the toolchain beyond rustc: the compiler instruments (only the crates of this workspace; the
# dependencies are shared with the ordinary test build), Debian's LLVM of the same major version reads the counters.
set -euo pipefail
cd "$(dirname "$0")/../.."
# shellcheck source=tests/scripts/lib.sh
source tests/scripts/lib.sh

llvm=$(rustc -vV | sed -n 's/^LLVM version: \([0-9]*\).*/\1/p')
need_packages "llvm-$llvm"

export CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-target}
rm -rf "$CARGO_TARGET_DIR/coverage"
mkdir -p "$CARGO_TARGET_DIR/coverage"
counters=$(realpath "$CARGO_TARGET_DIR/coverage")
cat >"$counters/rustc" <<'WRAPPER'
#!/bin/sh
exec "$@" -C instrument-coverage
WRAPPER
chmod +x "$counters/rustc"
export RUSTC_WORKSPACE_WRAPPER=$counters/rustc
export LLVM_PROFILE_FILE=$counters/%p-%8m.profraw

say "Running the tests with coverage counters"
cargo test --locked "$@" >"$counters/tests.log" 2>&1 || {
    tail -40 "$counters/tests.log"
    die "the tests fail"
}
grep '^test result' "$counters/tests.log"

# The programs of this very run, as cargo names them.
mapfile -t programs < <(cargo test --locked "$@" --no-run --message-format json 2>/dev/null |
    python3 -c '
import json, sys
for line in sys.stdin:
    message = json.loads(line)
    if message.get("executable"):
        print(message["executable"])')
((${#programs[@]})) || die "no test program was built"
objects=()
for program in "${programs[@]}"; do objects+=(--object "$program"); done

"llvm-profdata-$llvm" merge --sparse "$counters"/*.profraw -o "$counters/all.profdata"
"llvm-cov-$llvm" export --format lcov --instr-profile "$counters/all.profdata" "${objects[@]}" \
    --ignore-filename-regex '/(registry|rustc-[^/]*|rustc)/' >"$counters/lines.lcov" 2>"$counters/llvm-cov.log"
python3 - "$counters/lines.lcov" <<'PYTHON'
import os
import sys

DIRECTORIES = ["src/driver", "src/acquisition", "src/validation", "src/detection"]
here = os.getcwd() + "/"


def tests_begin(path):
    """The line of the first `#[cfg(test)]`: what follows it is no product code."""
    with open(path, encoding="utf-8") as file:
        return next((number for number, line in enumerate(file, 1) if line.startswith("#[cfg(test)]")), sys.maxsize)


def product_code(name):
    return name.startswith(("src/", "hal-sim/src/")) and "tests" not in name and "testing" not in name


files, end = {}, 0
for line in open(sys.argv[1], encoding="utf-8"):
    key, _, value = line.rstrip().partition(":")
    if key == "SF":
        name = value.removeprefix(here)
        wanted = product_code(name)
        if wanted:
            end = tests_begin(name)
            lines = files.setdefault(name, {})
    elif key == "DA" and wanted:
        number, hits = map(int, value.split(",")[:2])
        if number < end:
            lines[number] = max(hits, lines.get(number, 0))


def row(title, prefix):
    hits = [count for name, lines in files.items() if name.startswith(prefix) for count in lines.values()]
    covered = sum(count > 0 for count in hits)
    share = f"{100 * covered / len(hits):.2f} %" if hits else "no lines"
    print(f"{title:<20} {share:>9}  {covered:>6} of {len(hits)} lines")


print("Line coverage, test code left out")
for directory in DIRECTORIES:
    row(directory, directory + "/")
row("gateway", "src/")
row("simulator", "hal-sim/src/")
if not any(name.startswith("src/") for name in files):
    sys.exit("FAILED: the counters name no file of this workspace")
PYTHON
