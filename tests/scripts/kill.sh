#!/usr/bin/env bash
# The gateway is killed 100 times at random moments under load; then every acknowledged record must be there.
#
#   tests/scripts/kill.sh [KILLS] [SEED]
#
# Exit code 0: nothing lost, every start to the first poll within a second.
# ANDON_BIN and TRIAL_BIN name binaries that are there already.
set -euo pipefail
cd "$(dirname "$0")/../.."
# shellcheck source=tests/scripts/trial.sh
source tests/scripts/trial.sh

"$TRIAL_BIN" kill --kills "${1:-100}" --seed "${2:-1}"
