#!/usr/bin/env bash
# Checks the dependencies against deny.toml. Builds cargo-deny first where it is not installed.
set -euo pipefail
cd "$(dirname "$0")/.."

readonly version=0.20.2
readonly tools=$PWD/.cache/tools

deny=$(command -v cargo-deny || true)
if [[ -z $deny ]]; then
    deny=$tools/bin/cargo-deny
    # Built for one short run: optimising it takes longer than it saves.
    CARGO_PROFILE_RELEASE_LTO=off CARGO_PROFILE_RELEASE_OPT_LEVEL=1 CARGO_PROFILE_RELEASE_CODEGEN_UNITS=16 \
        CARGO_TARGET_DIR=$tools/target \
        cargo install --quiet --locked --root "$tools" cargo-deny@"$version"
    rm -rf "$tools/target"
fi

checks=(licenses bans sources)
if "$deny" fetch db 2>/dev/null; then
    checks+=(advisories)
else
    echo "deny: the advisory database cannot be fetched from here; advisories are not checked" >&2
fi
"$deny" check "${checks[@]}"
