#!/usr/bin/env bash
# Fails if a binary contains the fault points of the crash tests.
set -euo pipefail

for binary in "$@"; do
    if grep --quiet --text TILEFLEET_FAULT "$binary"; then
        echo "no-faults: $binary has fault points (feature faults); build it with --bins instead of --all-targets" >&2
        exit 1
    fi
done
