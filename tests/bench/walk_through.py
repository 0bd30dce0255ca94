"""What the walk-through's container does with a cell: three bands into one GeoTIFF, statistics, average overviews.

usage: walk_through.py B04.jp2 B03.jp2 B02.jp2 out.tif
"""

import sys

from osgeo import gdal

gdal.UseExceptions()


def main(bands, output):
    first = gdal.Open(bands[0])
    driver = gdal.GetDriverByName("GTiff")
    raster = driver.Create(
        output, first.RasterXSize, first.RasterYSize, len(bands), first.GetRasterBand(1).DataType
    )
    raster.SetProjection(first.GetProjection())
    raster.SetGeoTransform(first.GetGeoTransform())
    for index, path in enumerate(bands, start=1):
        # Without a name of its own the dataset would be closed before its band is read.
        scene = gdal.Open(path)
        raster.GetRasterBand(index).WriteArray(scene.GetRasterBand(1).ReadAsArray())
        raster.GetRasterBand(index).SetNoDataValue(0)
    raster.FlushCache()
    for index in range(1, len(bands) + 1):
        raster.GetRasterBand(index).ComputeStatistics(False)
    raster.BuildOverviews("AVERAGE", [2, 4, 8, 16, 32])
    del raster


if __name__ == "__main__":
    if len(sys.argv) != 5:
        sys.exit(__doc__)
    main(sys.argv[1:4], sys.argv[4])
