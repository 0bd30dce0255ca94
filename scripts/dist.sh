#!/usr/bin/env bash
# Packs the release binaries and the documentation into one archive. `make dist` builds the binaries first.
set -euo pipefail
cd "$(dirname "$0")/.."

version=$(sed -n '/^\[workspace.package\]/,/^\[/s/^version = "\(.*\)"/\1/p' Cargo.toml)
target=${CARGO_TARGET_DIR:-target}
name=tilefleet-$version-$(uname -m)
readonly version target name

rm -rf "$target/dist/$name"
install -D --target-directory "$target/dist/$name/bin" "$target/release/producer" "$target/release/worker"
cp -r README.md CHANGELOG.md CONTRIBUTING.md LICENSE docs recipes "$target/dist/$name"

# The same commit gives the same archive, as far as the compiler gives the same binaries.
time=$(git log -1 --format=%cI 2>/dev/null || echo 1970-01-01)
tar --create --sort=name --owner=0 --group=0 --numeric-owner --mtime="$time" --directory "$target/dist" "$name" |
    gzip --no-name >"$target/dist/$name.tar.gz"
rm -r "$target/dist/$name"
bytes=$(stat --format %s "$target/dist/$name.tar.gz")
echo "dist: $target/dist/$name.tar.gz, $((bytes / 1000000)) MB"
