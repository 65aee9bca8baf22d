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

venv=$ANDON_CACHE/peers-venv
if ! cmp -s tests/peers/requirements.txt "$venv/requirements.txt"; then
    say "Installing the Python peers into $venv"
    rm -rf "$venv"
    python3 -m venv "$venv"
    with_retry "$venv/bin/pip" install --quiet --disable-pip-version-check -r tests/peers/requirements.txt
    cp tests/peers/requirements.txt "$venv/requirements.txt"
fi
"$venv/bin/python" - <<'PYTHON'
from importlib.metadata import version
print("peers:", ", ".join(f"{name} {version(name)}" for name in ("pymodbus", "asyncua", "cryptography")))
PYTHON
# Asking for help is an error to mosquitto (exit code 3).
{ /usr/sbin/mosquitto -h || true; } | head -1
