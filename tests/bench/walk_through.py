"""What the walk-through's container does with a cell: three bands into one GeoTIFF, statistics, average overviews.

usage: walk_through.py B04.jp2 B03.jp2 B02.jp2 out.tif
"""

import sys

from osgeo import gdal

gdal.UseExceptions()


def main(bands, output):
    scene = gdal.Open(bands[0])
    band = scene.GetRasterBand(1)
    driver = gdal.GetDriverByName("GTiff")
    raster = driver.Create(output, band.XSize, band.YSize, len(bands), band.DataType)
    raster.SetProjection(scene.GetProjection())
    raster.SetGeoTransform(scene.GetGeoTransform())
    for index, path in enumerate(bands, start=1):
        scene = gdal.Open(path)
        samples = scene.GetRasterBand(1).ReadAsArray()
        raster.GetRasterBand(index).WriteArray(samples)
    raster.FlushCache()
    for index in range(1, len(bands) + 1):
        raster.GetRasterBand(index).ComputeStatistics(False)
    raster.BuildOverviews("average", [2, 4, 8, 16, 32])
    del raster


if __name__ == "__main__":
    if len(sys.argv) != 5:
        sys.exit(__doc__)
    main(sys.argv[1:4], sys.argv[4])
