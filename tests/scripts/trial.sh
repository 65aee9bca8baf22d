# Sourced: TRIAL_BIN and ANDON_BIN, built for release unless they are named.
if [[ -z ${TRIAL_BIN:-} ]]; then
    cargo build --release --locked --bin andon --example trial
    TRIAL_BIN=${CARGO_TARGET_DIR:-target}/release/examples/trial
    : "${ANDON_BIN:=${CARGO_TARGET_DIR:-target}/release/andon}"
fi
[[ -z ${ANDON_BIN:-} ]] || export ANDON_BIN
