"""The vegetation index of a scene as a good script of a user makes it: rasterio, windows of 1,024
rows, float32, and GDAL's COG driver at the end. Clouds are not masked.

usage: ndvi.py B04.jp2 B08.jp2 out.tif
"""

import os
import sys

os.environ["GDAL_NUM_THREADS"] = "ALL_CPUS"

import numpy as np
import rasterio
from rasterio.shutil import copy
from rasterio.windows import Window

ROWS = 1024


def main(red_path, infrared_path, output):
    rows = output + ".rows.tif"
    with rasterio.open(red_path) as red, rasterio.open(infrared_path) as infrared:
        profile = dict(
            driver="GTiff", width=red.width, height=red.height, count=1, dtype="int16",
            nodata=-32768, crs=red.crs, transform=red.transform, tiled=True, blockxsize=512,
            blockysize=512,
        )
        with rasterio.open(rows, "w", **profile) as target:
            for row in range(0, red.height, ROWS):
                window = Window(0, row, red.width, min(ROWS, red.height - row))
                r = red.read(1, window=window).astype("float32")
                n = infrared.read(1, window=window).astype("float32")
                valid = (r > 0) & (n > 0)
                r = np.maximum(r * np.float32(0.0001) - np.float32(0.1), np.float32(0.0001))
                n = np.maximum(n * np.float32(0.0001) - np.float32(0.1), np.float32(0.0001))
                value = np.rint((n - r) / (n + r) * np.float32(10000))
                target.write(np.where(valid, value, -32768).astype("int16"), 1, window=window)
    copy(
        rows, output, driver="COG", COMPRESS="DEFLATE", PREDICTOR="YES", BLOCKSIZE=512,
        OVERVIEW_RESAMPLING="AVERAGE", NUM_THREADS="ALL_CPUS",
    )
    os.remove(rows)


if __name__ == "__main__":
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    main(*sys.argv[1:])
