#!/usr/bin/env bash
# Checks the dependencies against deny.toml. Builds cargo-deny first if it is not installed.
set -euo pipefail
cd "$(dirname "$0")/.."

readonly version=0.20.2
readonly tools=$PWD/.cache/tools

deny=$(command -v cargo-deny || true)
if [[ -z $deny ]]; then
    deny=$tools/bin/cargo-deny
    # It runs once and briefly: optimising it would take longer than it saves.
    CARGO_PROFILE_RELEASE_LTO=off CARGO_PROFILE_RELEASE_OPT_LEVEL=1 CARGO_PROFILE_RELEASE_CODEGEN_UNITS=16 \
        CARGO_TARGET_DIR=$tools/target \
        cargo install --quiet --locked --root "$tools" cargo-deny@"$version"
    rm -rf "$tools/target"
fi

checks=(licenses bans sources)
if "$deny" fetch db 2>/dev/null; then
    checks+=(advisories)
else
    echo "deny: cannot fetch the advisory database; advisories are not checked" >&2
fi
"$deny" check "${checks[@]}"
