#!/usr/bin/env bash
# Installs the tools that `make bench` measures against: GDAL's command line and Python bindings, and
# the decoders of OpenJPEG and Grok.
set -euo pipefail

missing=()
command -v gdal_translate >/dev/null || missing+=(gdal-bin)
/usr/bin/python3 -c 'import osgeo.gdal' 2>/dev/null || missing+=(python3-gdal)
command -v opj_decompress >/dev/null || missing+=(libopenjp2-tools)
command -v grk_decompress >/dev/null || missing+=(grokj2k-tools)
((${#missing[@]})) || exit 0

if ! command -v apt-get >/dev/null; then
    echo "bench: this is not Debian (no apt-get); install these packages or their equivalents: ${missing[*]}" >&2
    exit 1
fi
root=()
((EUID == 0)) || root=(sudo)
echo "bench: installing ${missing[*]}"
"${root[@]}" apt-get update -q
"${root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends "${missing[@]}"
