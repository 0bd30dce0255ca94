#!/usr/bin/env bash
# Installs what the workspace needs besides the Rust toolchain. Does nothing, and needs no network, if
# everything is installed.
set -euo pipefail
cd "$(dirname "$0")/.."

readonly requirements=scripts/requirements.txt
readonly stamp=.venv/requirements.installed
readonly python=/usr/bin/python3

missing=()
command -v cc >/dev/null || missing+=(build-essential)
command -v pkg-config >/dev/null || missing+=(pkg-config)
command -v setpriv >/dev/null || missing+=(util-linux)
# Any GDAL that pkg-config finds will do.
pkg-config --atleast-version=3.6 gdal 2>/dev/null || missing+=(libgdal-dev)
# Debian packages ensurepip, a part of venv, separately.
"$python" -c 'import ensurepip, venv' 2>/dev/null || missing+=(python3-venv)

if ((${#missing[@]})); then
    if ! command -v apt-get >/dev/null; then
        echo "setup: this is not Debian (no apt-get); install these packages or their equivalents: ${missing[*]}" >&2
        exit 1
    fi
    root=()
    if ((EUID != 0)); then
        if ! command -v sudo >/dev/null; then
            echo "setup: installing needs root or sudo; have an administrator install: ${missing[*]}" >&2
            exit 1
        fi
        root=(sudo)
    fi
    echo "setup: installing ${missing[*]}"
    "${root[@]}" apt-get update -q
    "${root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends "${missing[@]}"
fi

if ! cmp --silent "$requirements" "$stamp"; then
    echo "setup: installing Python packages into .venv"
    # Scripts in a venv contain its absolute path, so a moved venv does not work.
    "$python" -m venv --clear .venv
    .venv/bin/python -m pip install --quiet --disable-pip-version-check -r "$requirements"
    cp "$requirements" "$stamp"
fi
