#!/usr/bin/env python3
"""Computes an output of a recipe with numpy and rasterio, and compares a raster with it.

It shares no code with the worker. Files go in, and the order of operations is that of
docs/RECIPES.md: nodata, mask (dilated on its own grid, then nearest), resampling of valid pixels,
reflectance in float32, expression, median, area, encoding. The grid, the type, the scale and the
nodata value are those of the raster.

    reference.py OUT.tif --expression "(N - R) / (N + R)" N=B08.jp2 R=B04.jp2 \\
        --reflectance 0.0001,-0.1 --mask SCL.jp2 --values 0,1,3,8,9,10 --dilate 2

It prints statistics as JSON, and fails if validity differs in a pixel that is not on the edge of an
area, or a value by more than one step (float32: by more than four units in the last place of the
larger of the value and 1).
"""

import argparse
import hashlib
import json
import math
import sys

import numpy
import rasterio
from rasterio.enums import Resampling
from rasterio.features import geometry_mask
from rasterio.warp import reproject, transform_geom

EDGE = 0.1  # pixels
PIECES = 256  # of an edge of the area: a straight line in degrees is a curve in metres


def read(path):
    with rasterio.open(path) as file:
        return file.read(1), file.transform, file.crs


def dilate(mask, pixels):
    """Masks all pixels of the square around a masked one, by sums over the square."""
    size = 2 * pixels + 1
    sums = numpy.pad(mask.astype(numpy.int64), ((pixels + 1, pixels), (pixels + 1, pixels)))
    sums = sums.cumsum(0).cumsum(1)
    return sums[size:, size:] - sums[:-size, size:] - sums[size:, :-size] + sums[:-size, :-size] > 0


def nearest(values, transform, shape, target):
    """The value at the centre of each pixel of the target."""
    rows, columns = (numpy.arange(size) + 0.5 for size in shape)
    x = target.c + columns * target.a
    y = target.f + rows * target.e
    columns = numpy.floor((x - transform.c) / transform.a + 1e-9).astype(int)
    rows = numpy.floor((y - transform.f) / transform.e + 1e-9).astype(int)
    inside = numpy.ix_(numpy.clip(rows, 0, values.shape[0] - 1),
                       numpy.clip(columns, 0, values.shape[1] - 1))
    return values[inside]


def overlaps(size, start, step, count, begin, pixel):
    """How much of each pixel of a band lies in each pixel of the target, along one side."""
    low = (begin + numpy.arange(count) * pixel - start) / step
    high = low + pixel / step
    edges = numpy.arange(size)
    return numpy.clip(numpy.minimum(high[:, None], edges + 1) - numpy.maximum(low[:, None], edges),
                      0, None)


def average(values, transform, target, shape):
    """The mean of the valid pixels by area. GDAL 3.10 differs at the end of a band whose size does
    not divide: there it counts the last pixel for the part that lies beyond the band."""
    rows = overlaps(values.shape[0], transform.f, transform.e, shape[0], target.f, target.e)
    columns = overlaps(values.shape[1], transform.c, transform.a, shape[1], target.c, target.a)
    valid = numpy.isfinite(values)
    sums = rows @ numpy.where(valid, values, 0).astype(numpy.float64) @ columns.T
    weights = rows @ valid.astype(numpy.float64) @ columns.T
    with numpy.errstate(all="ignore"):
        return numpy.where(weights > 1e-9, sums / weights, numpy.nan).astype(numpy.float32)


def masked_pixels(arguments):
    values, transform, _ = read(arguments.mask)
    if arguments.values:
        mask = numpy.isin(values, arguments.values)
    else:
        bits = sum(1 << bit for bit in arguments.bits)
        mask = (values & bits) != 0
    return dilate(mask, arguments.dilate), transform


def input_band(path, mask, out, arguments):
    """A band on the grid of the raster: valid pixels, resampled, as float32; NaN is nodata."""
    stored, transform, crs = read(path)
    values = stored.astype(numpy.float32)
    values[stored == 0] = numpy.nan
    if mask is not None:
        values[nearest(mask[0], mask[1], stored.shape, transform)] = numpy.nan
    target, shape = out.transform, (out.height, out.width)
    same_size = math.isclose(transform.a, target.a) and math.isclose(transform.e, target.e)
    if same_size:
        column = round((target.c - transform.c) / transform.a)
        row = round((target.f - transform.f) / transform.e)
        return values[row:row + shape[0], column:column + shape[1]]
    if transform.a < target.a:
        return average(values, transform, target, shape)
    result = numpy.full(shape, numpy.nan, numpy.float32)
    reproject(values, result, src_transform=transform, dst_transform=target, src_crs=crs,
              dst_crs=out.crs, src_nodata=numpy.nan, dst_nodata=numpy.nan, resampling=Resampling.bilinear,
              tolerance=0, XSCALE=1, YSCALE=1)
    return result


def reflectance(values, scale, offset):
    values = values * numpy.float32(scale) + numpy.float32(offset)
    step = numpy.float32(scale)
    return numpy.where(values < step, step, values)


def median(values, size):
    margin = size // 2
    padded = numpy.pad(values, margin, constant_values=numpy.nan)
    windows = numpy.lib.stride_tricks.sliding_window_view(padded, (size, size))
    result = numpy.empty_like(values)
    for row, window in enumerate(windows):
        result[row] = numpy.nanmedian(window.reshape(window.shape[0], -1), axis=1)
    result[numpy.isnan(values)] = numpy.nan
    return result


def outside(path, out, all_touched):
    """The pixels of the raster that are outside the area."""
    def dense(ring):
        points = []
        for (x, y), (to_x, to_y) in zip(ring, ring[1:]):
            parts = numpy.arange(PIECES) / PIECES
            points += [(x + (to_x - x) * part, y + (to_y - y) * part) for part in parts]
        return [*points, ring[-1][:2]]

    def polygons(geometry):
        kind = geometry["type"]
        if kind == "FeatureCollection":
            return [polygon for part in geometry["features"] for polygon in polygons(part)]
        if kind == "Feature":
            return polygons(geometry["geometry"])
        if kind == "GeometryCollection":
            return [polygon for part in geometry["geometries"] for polygon in polygons(part)]
        return [geometry["coordinates"]] if kind == "Polygon" else geometry["coordinates"]

    with open(path, encoding="utf-8") as file:
        area = json.load(file)
    shapes = [
        transform_geom("EPSG:4326", out.crs, {
            "type": "Polygon",
            "coordinates": [dense([tuple(point[:2]) for point in ring]) for ring in polygon],
        })
        for polygon in polygons(area)
    ]
    mask = geometry_mask(shapes, (out.height, out.width), out.transform, all_touched)
    return mask, [ring for shape in shapes for ring in shape["coordinates"]]


def from_the_edge(pixels, rings, out):
    """How far the centres of pixels are from the edge of the area, in pixels."""
    rows, columns = pixels
    x, y = out.transform * (columns + 0.5, rows + 0.5)
    nearest_edge = numpy.full(len(rows), numpy.inf)
    for ring in rings:
        points = numpy.array(ring)
        start, edge = points[:-1], numpy.diff(points, axis=0)
        for index, centre in enumerate(zip(x, y)):
            to = centre - start
            part = (to * edge).sum(1) / numpy.maximum((edge * edge).sum(1), 1e-12)
            gap = to - edge * numpy.clip(part, 0, 1)[:, None]
            nearest_edge[index] = min(nearest_edge[index], numpy.hypot(*gap.T).min())
    return nearest_edge / out.transform.a


def encode(values, out):
    """Values as the raster stores them."""
    kind = numpy.dtype(out.dtypes[0])
    if kind.kind == "f":
        return values.astype(kind)
    scale, offset = out.scales[0], out.offsets[0]
    limits = numpy.iinfo(kind)
    steps = numpy.rint((values.astype(numpy.float64) - offset) / scale)
    low, high = limits.min, limits.max
    low += out.nodata == low
    high -= out.nodata == high
    steps = numpy.where(numpy.isnan(steps), out.nodata, numpy.clip(steps, low, high))
    return steps.astype(kind)


def compare(out, expected, found, rings):
    """Statistics, and what is wrong. The edges of an area are curves in metres, which programs
    follow by short lines: a pixel whose centre is a tenth of a pixel from the edge may be on either
    side."""
    is_float = expected.dtype.kind == "f"
    hole = numpy.isnan if is_float else lambda values: values == out.nodata
    valid = ~hole(expected)
    wrong = valid == hole(found)
    gaps = from_the_edge(numpy.nonzero(wrong), rings, out)
    wrong_holes = int((gaps > EDGE).sum())
    both = valid & ~hole(found)
    ours, theirs = (values[both].astype(numpy.float64) for values in (found, expected))
    difference = numpy.abs(ours - theirs)
    step = numpy.finfo(numpy.float32).eps * 4 * numpy.maximum(numpy.abs(theirs), 1)
    too_far = int((difference > (step if is_float else 1)).sum())
    report = {
        "pixels": int(expected.size),
        "valid": int(valid.sum()),
        "sha256": hashlib.sha256(expected.tobytes()).hexdigest(),
        "minimum": float(theirs.min()) if theirs.size else None,
        "maximum": float(theirs.max()) if theirs.size else None,
        "mean": float(theirs.mean()) if theirs.size else None,
        "different": int((difference > 0).sum()),
        "largest_difference": float(difference.max()) if theirs.size else 0.0,
        "validity_differs": int(wrong.sum()),
        "largest_gap": float(gaps.max()) if rings and gaps.size else 0.0,
        "too_far": too_far,
    }
    return report, wrong_holes + too_far > 0


def main():
    numbers = lambda text: [int(number) for number in text.split(",")]
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("raster")
    parser.add_argument("inputs", nargs="+", metavar="NAME=FILE")
    parser.add_argument("--expression", required=True)
    parser.add_argument("--output", type=int, default=1, help="band of the raster, from 1")
    parser.add_argument("--reflectance", metavar="SCALE,OFFSET", help="without it, stored numbers")
    parser.add_argument("--mask", metavar="FILE")
    parser.add_argument("--values", type=numbers, default=[])
    parser.add_argument("--bits", type=numbers, default=[])
    parser.add_argument("--dilate", type=int, default=0)
    parser.add_argument("--median", type=int)
    parser.add_argument("--clip", metavar="GEOJSON")
    parser.add_argument("--all-touched", action="store_true")
    arguments = parser.parse_args()

    mask = masked_pixels(arguments) if arguments.mask else None
    functions = {"where": numpy.where, "abs": numpy.abs, "sqrt": numpy.sqrt, "exp": numpy.exp,
                 "log": numpy.log, "min": numpy.minimum, "max": numpy.maximum,
                 "clamp": numpy.clip, "__builtins__": {}}
    with rasterio.open(arguments.raster) as out, numpy.errstate(all="ignore"):
        bands = {}
        for item in arguments.inputs:
            name, path = item.split("=", 1)
            bands[name] = input_band(path, mask, out, arguments)
            if arguments.reflectance:
                bands[name] = reflectance(bands[name], *map(float, arguments.reflectance.split(",")))
        values = eval(arguments.expression, functions, bands).astype(numpy.float32)
        invalid = ~numpy.isfinite(values)
        for band in bands.values():
            invalid |= numpy.isnan(band)
        values[invalid] = numpy.nan
        # The margin of a median lies beyond the window of an area, and is not read here.
        if arguments.median:
            values = median(values, arguments.median)
        rings = []
        if arguments.clip:
            mask, rings = outside(arguments.clip, out, arguments.all_touched)
            values[mask] = numpy.nan
        report, failed = compare(out, encode(values, out), out.read(arguments.output), rings)
    print(json.dumps(report, indent=1))
    return failed


if __name__ == "__main__":
    sys.exit(main())
