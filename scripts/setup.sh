#!/usr/bin/env bash
# Installs what the workspace needs besides the Rust toolchain. Quick and offline when all of it is there.
set -euo pipefail
cd "$(dirname "$0")/.."

readonly requirements=scripts/requirements.txt
readonly stamp=.venv/requirements.installed
readonly python=/usr/bin/python3

missing=()
command -v cc >/dev/null || missing+=(build-essential)
command -v pkg-config >/dev/null || missing+=(pkg-config)
command -v setpriv >/dev/null || missing+=(util-linux)
# A GDAL of one's own, found by pkg-config, is as good as Debian's.
pkg-config --atleast-version=3.6 gdal 2>/dev/null || missing+=(libgdal-dev)
# ensurepip is the part of venv that Debian packages separately.
"$python" -c 'import ensurepip, venv' 2>/dev/null || missing+=(python3-venv)

if ((${#missing[@]})); then
    if ! command -v apt-get >/dev/null; then
        echo "setup: not a Debian; please install what it calls: ${missing[*]}" >&2
        exit 1
    fi
    root=()
    if ((EUID != 0)); then
        if ! command -v sudo >/dev/null; then
            echo "setup: neither root nor sudo; please have installed: ${missing[*]}" >&2
            exit 1
        fi
        root=(sudo)
    fi
    echo "setup: installing ${missing[*]}"
    "${root[@]}" apt-get update -q
    "${root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends "${missing[@]}"
fi

if ! cmp --silent "$requirements" "$stamp"; then
    echo "setup: filling .venv"
    # Scripts in a venv name it by its absolute path: one that was moved is no use.
    "$python" -m venv --clear .venv
    .venv/bin/python -m pip install --quiet --disable-pip-version-check -r "$requirements"
    cp "$requirements" "$stamp"
fi
