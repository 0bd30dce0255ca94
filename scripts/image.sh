#!/usr/bin/env bash
# Builds the worker image with docker or buildah. IMAGE is its name, BUILDER the base of its build stage.
set -euo pipefail
cd "$(dirname "$0")/.."

version=$(sed -n '/^\[workspace.package\]/,/^\[/s/^version = "\(.*\)"/\1/p' Cargo.toml)
readonly image=${IMAGE:-tilefleet-worker:$version}

revision=$(git rev-parse HEAD 2>/dev/null || echo unknown)
if [[ -n $(git status --porcelain 2>/dev/null) ]]; then
    revision+=-modified
fi

options=(--tag "$image" --build-arg VERSION="$version" --build-arg REVISION="$revision")
if [[ -n ${BUILDER:-} ]]; then
    options+=(--build-arg BUILDER="$BUILDER")
fi

if docker info >/dev/null 2>&1; then
    docker build "${options[@]}" .
elif command -v buildah >/dev/null; then
    # Without systemd, as in a container, the control groups for OCI isolation are rarely available.
    if [[ ! -d /run/systemd/system ]]; then
        export BUILDAH_ISOLATION=${BUILDAH_ISOLATION:-chroot}
    fi
    # The OCI format has no HEALTHCHECK.
    buildah build --format docker --layers "${options[@]}" .
else
    echo "image: the Docker engine does not answer, and buildah is not installed (Debian: apt-get install buildah podman runc)" >&2
    exit 1
fi
echo "image: $image"
