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
if ! mount -t tmpfs -o size=24m tmpfs "$disk"; then
    rmdir "$disk"
    echo "disk_full.sh: skipped: this root may not mount anything (a container without CAP_SYS_ADMIN)"
    exit 0
fi
trap 'umount "$disk"; rmdir "$disk"' EXIT
"$TRIAL_BIN" disk-full --data-dir "$disk"
