#!/usr/bin/env bash
# The gateway's disk runs full while the broker is away: it goes on, telemetry gives way with drop records, an alert of
# that time arrives. The disk is a tmpfs of 24 MB, which only root can mount.
#
#   tests/scripts/disk_full.sh
#
# ANDON_BIN and TRIAL_BIN name binaries that are there already.
set -euo pipefail
cd "$(dirname "$0")/../.."
if ((EUID != 0)); then
    echo "disk_full.sh: skipped: only root can mount the small disk"
    exit 0
fi
# shellcheck source=tests/scripts/trial.sh
source tests/scripts/trial.sh

disk=$(mktemp -d)
mount -t tmpfs -o size=24m tmpfs "$disk"
trap 'umount "$disk"; rmdir "$disk"' EXIT
"$TRIAL_BIN" disk-full --data-dir "$disk"
