#!/usr/bin/env bash
# ARM: builds the gateway for aarch64 and armv7 on Debian 12 (amd64), without docker, and prints the sizes.
#
#   tests/scripts/arm.sh setup          compiler, linkers, emulator and the targets' standard libraries
#   tests/scripts/arm.sh build [ARCH]   release binaries; ARCH is aarch64 or armv7, default both
#   tests/scripts/arm.sh smoke          the aarch64 binary under emulation: Modbus in, MQTT out, nothing lost
#   tests/scripts/arm.sh                all of it
#
# The compiler is Debian's own: a standard library loads only in the compiler that made it, and Debian is the
# one source of both for a foreign architecture that needs neither rustup nor a container.
# ANDON_ARM_PROFILE (default: release) names the cargo profile.
set -euo pipefail
cd "$(dirname "$0")/../.."
# shellcheck source=tests/scripts/lib.sh
source tests/scripts/lib.sh

sysroot=$ANDON_CACHE/arm-sysroot
profile=${ANDON_ARM_PROFILE:-release}
export CARGO_TARGET_DIR=${ANDON_ARM_TARGET:-$ANDON_CACHE/arm-target}

# Debian's cargo and rustc, wherever else a toolchain may be installed.
debian_cargo() { env PATH=/usr/bin:/bin RUSTC=/usr/bin/rustc /usr/bin/cargo "$@"; }

triple() {
    case $1 in
        aarch64) echo aarch64-unknown-linux-gnu ;;
        armv7) echo armv7-unknown-linux-gnueabihf ;;
        *) die "unknown architecture '$1'; allowed: aarch64, armv7" ;;
    esac
}

setup() {
    need_packages rustc-web cargo-web file \
        gcc-aarch64-linux-gnu libc6-dev-arm64-cross gcc-arm-linux-gnueabihf libc6-dev-armhf-cross qemu-user-static
    local compiler
    compiler=$(dpkg-query -W -f '${Version}' rustc-web)
    if [[ $(cat "$sysroot/compiler" 2>/dev/null) == "$compiler" ]]; then
        say "Standard libraries for $compiler are in place: $sysroot"
        return
    fi
    fetch_standard_libraries "${compiler%-*}"
    echo "$compiler" >"$sysroot/compiler"
}

# The machine's own mirror of this distribution's main archive, as apt knows it.
mirror() {
    # shellcheck disable=SC2016
    apt-get indextargets --format '$(REPO_URI) $(CODENAME) $(COMPONENT)' 'Created-By: Packages' |
        awk '$2 == "bookworm" && $3 == "main" { print $1; exit }'
}

# fetch_standard_libraries UPSTREAM: Debian 12 has no arm64 or armhf build of its newest compiler's library, Debian 13
# has. The packages are unpacked into a directory of their own with a private apt state: the machine's package
# data base never hears of a foreign architecture.
fetch_standard_libraries() {
    local upstream=$1 uri state package version architecture
    uri=$(mirror)
    if [[ -z $uri ]]; then
        apt-get update -qq
        uri=$(mirror)
    fi
    [[ -n $uri ]] || die "apt knows no mirror of Debian 12 main"
    state=$(mktemp -d)
    chmod 755 "$state"
    mkdir -p "$state"/{lists/partial,cache/archives/partial,state,parts}
    : >"$state/status"
    echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $uri trixie main" >"$state/sources.list"
    cat >"$state/apt.conf" <<APT
Dir::Etc::sourcelist "$state/sources.list"; Dir::Etc::sourceparts "-"; Dir::Etc::preferencesparts "$state/parts";
Dir::State "$state/state"; Dir::State::lists "$state/lists"; Dir::State::status "$state/status"; Dir::Cache "$state/cache";
APT::Architecture "amd64"; APT::Architectures {"amd64";"arm64";"armhf";}; Acquire::Languages "none"; APT::Sandbox::User "root";
APT
    (
        cd "$state"
        export APT_CONFIG=$state/apt.conf
        with_retry apt-get update -qq
        for architecture in arm64 armhf; do
            package=libstd-rust-web-dev:$architecture
            version=$(apt-cache madison "$package" | awk -v up="$upstream-" 'index($3, up) == 1 { print $3; exit }')
            [[ -n $version ]] || die "Debian 13 main has no $package of version $upstream, the one of rustc-web here; it has: $(
                apt-cache madison "$package" | awk '{ print $3 }' | xargs)"
            with_retry apt-get download -qq "$package=$version"
        done
        rm -rf "$sysroot"
        mkdir -p "$sysroot"
        for package in *.deb; do dpkg -x "$package" "$sysroot"; done
    )
    rm -rf "$state"
    for architecture in aarch64 armv7; do
        [[ -d $sysroot/usr/lib/rustlib/$(triple $architecture)/lib ]] || die "no standard library for $architecture in $sysroot"
    done
    say "Standard libraries $upstream for aarch64 and armv7: $sysroot"
}

cross_environment() {
    local flags="--sysroot=$sysroot/usr"
    export CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_LINKER=aarch64-linux-gnu-gcc
    export CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_RUSTFLAGS=$flags
    export CC_aarch64_unknown_linux_gnu=aarch64-linux-gnu-gcc # ring, src/heap.c
    export CARGO_TARGET_ARMV7_UNKNOWN_LINUX_GNUEABIHF_LINKER=arm-linux-gnueabihf-gcc
    export CARGO_TARGET_ARMV7_UNKNOWN_LINUX_GNUEABIHF_RUSTFLAGS=$flags
    export CC_armv7_unknown_linux_gnueabihf=arm-linux-gnueabihf-gcc
    unset RUSTFLAGS RUSTC_WRAPPER CARGO_ENCODED_RUSTFLAGS
}

binary() { echo "$CARGO_TARGET_DIR/$(triple "$1")/$profile/andon"; }

build() {
    [[ -f $sysroot/compiler ]] || die "no standard libraries in $sysroot; run: $0 setup"
    cross_environment
    local architecture path stripped
    for architecture in "$@"; do
        say "Building for $(triple "$architecture"), profile $profile"
        debian_cargo build --locked --package andon --bin andon --profile "$profile" --target "$(triple "$architecture")"
        path=$(binary "$architecture")
        stripped=$path.stripped
        case $architecture in
            aarch64) aarch64-linux-gnu-strip -o "$stripped" "$path" ;;
            armv7) arm-linux-gnueabihf-strip -o "$stripped" "$path" ;;
        esac
        file -b "$stripped" | cut -d, -f1-2
        printf '%s: %s bytes stripped (%s)\n' "$architecture" "$(stat -c %s "$stripped")" "$(needed_glibc "$path")"
        # The limit of the design; the profile `dist` optimises at link time and is smaller still.
        # The goal of 15 MB is missed since the history and the production figures came, 18.0 MB on aarch64 with all that can
        # be built for size built so: this keeps it from growing further.
        (($(stat -c %s "$stripped") < 18500000)) || die "the $architecture binary is not below 18.5 MB"
    done
}

# The newest symbol version that the binary asks of the C library: the oldest system it runs on.
needed_glibc() {
    readelf --version-info --wide "$1" | grep -o 'GLIBC_[0-9.]*' | sort -Vu | tail -1
}

smoke() {
    local path
    path=$(binary aarch64).stripped
    [[ -x $path ]] || die "no aarch64 binary; run: $0 build aarch64"
    qemu-aarch64-static -L /usr/aarch64-linux-gnu "$path" --version
    qemu-arm-static -L /usr/arm-linux-gnueabihf "$(binary armv7).stripped" --version
    tests/peers/setup.sh
    "$ANDON_CACHE/peers-venv/bin/python" tests/peers/run.py --modbus 100 --opcua 0 --seconds 20 --kills 0 \
        -- qemu-aarch64-static -L /usr/aarch64-linux-gnu "$path"
}

case ${1:-all} in
    setup) setup ;;
    build)
        if (($# > 1)); then build "$2"; else build aarch64 armv7; fi
        ;;
    smoke) smoke ;;
    all)
        setup
        build aarch64 armv7
        smoke
        ;;
    *) die "unknown step '$1'; allowed: setup, build, smoke" ;;
esac
