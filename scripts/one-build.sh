#!/usr/bin/env bash
# Fails if the demo and the tests build a third-party crate with different features. Such a crate,
# and every crate that depends on it, would be compiled twice.
set -euo pipefail
cd "$(dirname "$0")/.."

features() {
    cargo tree --quiet --format '{p} {f}' --prefix none "$@" | sed 's/ (\*)$//' | grep -v ' (/' | sort -u
}

# Into variables first: a failure in a process substitution would go unnoticed.
demo=$(features --edges normal,build -p tilefleet-producer -p tilefleet-worker -p tilefleet-scenes -p tilefleet-tests)
tests=$(features --edges normal,build,dev --workspace)

only_in_demo=$(comm -23 <(echo "$demo") <(echo "$tests"))
if [[ -n $only_in_demo ]]; then
    echo "one-build: the demo builds these crates with other features than the tests do:" >&2
    echo "$only_in_demo" >&2
    echo "one-build: add the missing features to tests/Cargo.toml" >&2
    exit 1
fi
