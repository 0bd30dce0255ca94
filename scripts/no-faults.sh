#!/usr/bin/env bash
# Fails if a binary has the fault points of the crash tests in it (common/src/fault.rs).
set -euo pipefail

for binary in "$@"; do
    if grep --quiet --text TILEFLEET_FAULT "$binary"; then
        echo "$binary was built with the feature faults; build it with --bins instead of --all-targets" >&2
        exit 1
    fi
done
