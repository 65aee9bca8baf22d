# shellcheck shell=bash
# Shared by the scripts here; to be sourced from bash. Works on Debian 12 as root, as CI does.
# Nothing is ever skipped quietly: what cannot be done ends the script with a sentence and a non-zero code.

# Everything that may be kept between runs lives here, outside the clone. It only saves time.
ANDON_CACHE=${ANDON_CACHE:-/var/tmp/andon-ci}

say() { printf '== %s\n' "$*"; }

die() {
    printf 'FAILED: %s\n' "$*" >&2
    exit 1
}

# need_packages NAME...: installs the Debian packages that are not there yet.
need_packages() {
    local missing=() name
    for name in "$@"; do
        dpkg-query -W -f '${Status}' "$name" 2>/dev/null | grep -q 'ok installed' || missing+=("$name")
    done
    ((${#missing[@]})) || return 0
    ((EUID == 0)) || die "Debian packages are missing and only root can install them: ${missing[*]}"
    say "Installing Debian packages: ${missing[*]}"
    apt-get update -qq
    DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends "${missing[@]}" >/dev/null
}

# with_retry COMMAND...: three tries, for what crosses the network.
with_retry() {
    local attempt
    for attempt in 1 2 3; do
        "$@" && return 0
        ((attempt == 3)) || sleep $((attempt * 5))
    done
    return 1
}

# need_venv NAME REQUIREMENTS: a Python environment $ANDON_CACHE/NAME with exactly what the file lists.
need_venv() {
    local venv=$ANDON_CACHE/$1 requirements=$2
    cmp -s "$requirements" "$venv/requirements.txt" && return 0
    say "Installing $requirements into $venv" >&2
    rm -rf "$venv"
    python3 -m venv "$venv" || die "no Python environment in $venv: install python3-venv"
    with_retry "$venv/bin/pip" install --quiet --disable-pip-version-check -r "$requirements" ||
        die "pip cannot install $requirements: is PyPI within reach, and Python new enough ($(python3 --version))?"
    cp "$requirements" "$venv/requirements.txt"
}
