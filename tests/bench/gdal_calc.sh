#!/usr/bin/env bash
# The vegetation index of a scene with GDAL's command line: gdal_calc.py, then gdal_translate.
# usage: gdal_calc.sh B04.jp2 B08.jp2 out.tif
set -euo pipefail
value='rint((maximum(B*0.0001-0.1,0.0001)-maximum(A*0.0001-0.1,0.0001))'
value+='/(maximum(B*0.0001-0.1,0.0001)+maximum(A*0.0001-0.1,0.0001))*10000)'
export GDAL_NUM_THREADS=ALL_CPUS
/usr/bin/python3 "$(command -v gdal_calc.py)" -A "$1" -B "$2" --calc="where((A>0)&(B>0),$value,-32768)" \
    --type=Int16 --NoDataValue=-32768 --outfile="$3.calc.tif" --overwrite --quiet
gdal_translate -q -of COG -co COMPRESS=DEFLATE -co PREDICTOR=YES -co NUM_THREADS=ALL_CPUS \
    -co OVERVIEW_RESAMPLING=AVERAGE -co BLOCKSIZE=512 -stats "$3.calc.tif" "$3"
rm -f "$3.calc.tif"
