"""Makes a scene classification for a generated scene: patches of classes, coded as ESA codes SCL at
20 m.

usage: classes.py B04.jp2 SCL.jp2
"""

import sys

import numpy as np
from osgeo import gdal

gdal.UseExceptions()


def main(band, output):
    scene = gdal.Open(band)
    size = (scene.RasterXSize + 1) // 2
    x, width, _, y, _, height = scene.GetGeoTransform()
    random = np.random.default_rng(7)
    # Vegetation and soil in small patches; clouds with a shadow in larger ones.
    def patches(cell, share):
        coarse = random.random((size // cell + 2, size // cell + 2)) < share
        return np.kron(coarse, np.ones((cell, cell), bool))[:size, :size]

    classes = np.where(patches(7, 0.4), 5, 4).astype("uint8")
    classes[patches(61, 0.03)] = 3
    classes[patches(83, 0.08)] = 9
    classes[patches(17, 0.01)] = 8
    memory = gdal.GetDriverByName("MEM").Create("", size, size, 1, gdal.GDT_Byte)
    memory.SetProjection(scene.GetProjection())
    memory.SetGeoTransform((x, 2 * width, 0, y, 0, 2 * height))
    memory.GetRasterBand(1).WriteArray(classes)
    options = "QUALITY=100 REVERSIBLE=YES RESOLUTIONS=5 BLOCKXSIZE=640 BLOCKYSIZE=640 " \
        "CODEBLOCK_WIDTH=8 CODEBLOCK_HEIGHT=8 PRECINCTS={128,128} PLT=YES GMLJP2=YES GeoJP2=NO " \
        "PROGRESSION=LRCP"
    gdal.GetDriverByName("JP2OpenJPEG").CreateCopy(output, memory, options=options.split())


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    main(*sys.argv[1:])
