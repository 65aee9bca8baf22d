#!/usr/bin/env bash
# Line coverage of the tests: in all, and per area for what turns bytes from a device into judged values.
#
#   tests/scripts/coverage.sh [cargo test arguments, default: the whole suite]
#
# Fails below the floors at the end of this file, and names the lines that no test reaches; only when the whole suite
# ran (no argument, or `--workspace`), so that a part of it can be looked at alone.
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
whole=no
[[ $# -eq 0 || "$*" == --workspace ]] && whole=yes
python3 - "$counters/lines.lcov" "$whole" <<'PYTHON'
import os
import sys

DECODE = [
    "src/driver/modbus/decode.rs",
    "src/driver/opcua/quality.rs",
    "src/driver/opcua/time.rs",
    "src/driver/opcua/value.rs",
]
# Title, what belongs to it, least share of lines in percent.
AREAS = [
    ("driver decode", DECODE, 100),
    ("driver", ["src/driver/"], 100),
    ("acquisition", ["src/acquisition/"], 100),
    ("validation", ["src/validation/"], 100),
    ("detection", ["src/detection/"], 100),
    ("history", ["src/history/"], 95),
    ("production", ["src/production/"], 95),
    ("quality", ["src/quality/"], 95),
    ("comparison", ["src/compare/"], 95),
    ("gateway", ["src/"], 90),
    ("simulator", ["hal-sim/src/"], 90),
    ("overall", [""], 90),
]
# Files whose names contain one of these hold no product code.
TEST_WORDS = ("tests", "testing", "scripted")
here = os.getcwd() + "/"


def tests_begin(path):
    """The line of the first `#[cfg(test)]`: what follows it is no product code."""
    with open(path, encoding="utf-8") as file:
        return next((number for number, line in enumerate(file, 1) if line.startswith("#[cfg(test)]")), sys.maxsize)


def product_code(name):
    return name.startswith(("src/", "hal-sim/src/")) and not any(word in name for word in TEST_WORDS)


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
if not any(name.startswith("src/") for name in files):
    sys.exit("FAILED: the counters name no file of this workspace")

print("Line coverage, test code left out")
below = []
for title, prefixes, floor in AREAS:
    inside = {name: lines for name, lines in files.items() if name.startswith(tuple(prefixes))}
    total = sum(len(lines) for lines in inside.values())
    missed = [f"{name}:{number}" for name in sorted(inside) for number, hits in sorted(inside[name].items()) if not hits]
    if total == 0:
        print(f"{title:<14} no lines")
        below.append(f"{title} has no lines")
        continue
    print(f"{title:<14} {100 * (1 - len(missed) / total):>7.2f} %  {total - len(missed):>6} of {total} lines")
    if 100 * (total - len(missed)) < floor * total:
        below.append(f"{title} is below {floor} %; no test reaches {', '.join(missed[:40])}{' ...' if missed[40:] else ''}")
if below and sys.argv[2] == "yes":
    sys.exit("\n".join(f"FAILED: {line}" for line in below))
PYTHON
