#!/usr/bin/env bash
# Installs the peers of the end-to-end tests: mosquitto from Debian, pymodbus and asyncua from PyPI.
# They are kept outside the clone ($ANDON_CACHE) and installed again when requirements.txt changes.
set -euo pipefail
cd "$(dirname "$0")/../.."
# shellcheck source=tests/scripts/lib.sh
source tests/scripts/lib.sh

# Installing the package would start a broker on the standard port; the tests start their own.
[[ -x /usr/sbin/mosquitto ]] || export RUNLEVEL=1
need_packages mosquitto openssl python3-venv

need_venv peers-venv tests/peers/requirements.txt
"$ANDON_CACHE/peers-venv/bin/python" - <<'PYTHON'
from importlib.metadata import version
print("peers:", ", ".join(f"{name} {version(name)}" for name in ("pymodbus", "asyncua", "cryptography")))
PYTHON
# Asking for help is an error to mosquitto (exit code 3).
{ /usr/sbin/mosquitto -h || true; } | head -1
