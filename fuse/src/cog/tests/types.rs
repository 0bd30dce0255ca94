//! Every type of samples, with every compression and every method for overviews, held against GDAL.

use gdal::raster::ColorInterpretation;
use gdal::vsi;

use super::image::{Image, Memory, assert_levels, by_gdal, reopened, write};
use crate::cog::file::directory;
use crate::cog::{ChunkScratch, CogSample, CogWriter, Compression, Overviews};
use crate::sample::Nodata;

const METHODS: [Overviews; 3] = [Overviews::Average, Overviews::Nearest, Overviews::Mode];

/// A scene in signed samples: smooth, with noise and holes.
fn signed(width: u32, height: u32, bands: usize, nodata: i16) -> Image<i16> {
    Image::scene(width, height, bands).map(Nodata::I16(nodata), |sample| match sample {
        0 => nodata,
        sample => i16::try_from(sample).unwrap() - 2700,
    })
}

/// A scene in numbers around 0 with many digits.
fn floating(width: u32, height: u32, bands: usize, nodata: f32) -> Image<f32> {
    Image::scene(width, height, bands).map(Nodata::F32(nodata), |sample| match sample {
        0 => nodata,
        sample => (f32::from(sample) - 2700.0) / 7001.0,
    })
}

fn written<T: CogSample>(image: &Image<T>, overviews: Overviews, compression: &str) -> Vec<u8> {
    let compression: Compression = compression.parse().unwrap();
    write(image, overviews, compression, &image.chunks(), 2).0
}

fn assert_same<T: CogSample>(image: &Image<T>, is_same: impl Fn(T, T) -> bool + Copy) {
    for overviews in METHODS {
        let file = written(image, overviews, "none");
        assert_levels(image, overviews, &file, is_same);
    }
    for compression in compressions(image) {
        let file = written(image, Overviews::Mode, compression);
        assert_levels(image, Overviews::Mode, &file, is_same);
    }
}

/// LERC tiles of several bands cannot hold NaN.
fn compressions<T: CogSample>(image: &Image<T>) -> &'static [&'static str] {
    let is_lerc_possible = image.shape.bands == 1 || !image.shape.nodata.value().is_nan();
    let all = &["none", "deflate:1", "zstd:3", "lerc"];
    &all[..if is_lerc_possible { 4 } else { 3 }]
}

/// GDAL computes means of `Float32` in single precision; each level adds a rounding.
fn is_close(one: f32, other: f32) -> bool {
    (one.is_nan() && other.is_nan()) || (one - other).abs() <= 1e-6
}

#[test]
fn every_type_is_what_gdal_makes_of_it() {
    // Even sides, and odd ones from the first or a later halving on.
    for (width, height) in [(1024, 600), (1101, 301)] {
        let scene = Image::scene(width, height, 2);
        assert_same(&scene, |one, other| one == other);
        let low = |sample: u16| sample.to_le_bytes()[0];
        assert_same(&scene.map(Nodata::U8(255), low), |one, other| one == other);
        let (lowest, nan) = (i16::MIN, f32::NAN);
        assert_same(&signed(width, height, 2, lowest), |one, other| one == other);
        assert_same(&floating(width, height, 2, nan), is_close);
        assert_same(&floating(width, height, 2, -9999.0), is_close);
    }
}

#[test]
fn a_nodata_value_between_the_others_stays_apart() {
    let scene = Image::scene(640, 515, 1);
    let middle = scene.map(Nodata::U16(2000), |sample| sample);
    assert_same(&middle, |one, other| one == other);
    // GDAL rounds means of `Int16` after it has looked for nodata: some of its means become 0.
    let signed = signed(640, 515, 1, 0);
    for overviews in [Overviews::Nearest, Overviews::Mode] {
        let file = written(&signed, overviews, "none");
        assert_levels(&signed, overviews, &file, |one, other| one == other);
    }
}

#[test]
fn one_three_and_four_bands_of_each_type_are_read_back() {
    let method = Overviews::Nearest;
    for bands in [1, 3, 4] {
        let signed = signed(600, 70, bands, -1);
        for compression in compressions(&signed) {
            let file = written(&signed, method, compression);
            assert_levels(&signed, method, &file, |one, other| one == other);
        }
        let floating = floating(600, 70, bands, f32::NAN);
        for compression in compressions(&floating) {
            let file = written(&floating, method, compression);
            assert_levels(&floating, method, &file, is_close);
        }
    }
}

#[test]
fn lerc_refuses_nan_in_several_bands() {
    let image = floating(600, 70, 2, f32::NAN);
    let output = Memory::default();
    let writer = CogWriter::new(image.shape, Overviews::Average, Compression::Lerc, &output);
    let chunk = &mut image.chunk(0, 0);
    let error = writer
        .unwrap()
        .chunk(0, 0, chunk, &mut ChunkScratch::new())
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        "a tile could not be compressed with lerc: a LERC tile of several bands cannot hold NaN; \
         choose another compression"
    );
}

fn assert_described<T: CogSample>(image: &Image<T>) {
    let file = written(image, Overviews::Average, "deflate:1");
    let nodata = |file: &[u8]| {
        let fields = directory(file).unwrap();
        fields.into_iter().find(|field| field.tag == 42113)
    };
    by_gdal(image, 0, Overviews::Average, |expected, path| {
        let by_gdal = vsi::call_on_mem_file_bytes(path, nodata).unwrap();
        assert_eq!(nodata(&file), by_gdal, "GDAL_NODATA");
        let expected = expected.rasterband(1).unwrap();
        let expected = expected.get_statistics(true, false).unwrap().unwrap();
        reopened(&file, |dataset| {
            let band = dataset.rasterband(1).unwrap();
            let read = band.get_statistics(false, false).unwrap().unwrap();
            let pairs = [
                (read.min, expected.min),
                (read.max, expected.max),
                (read.mean, expected.mean),
                (read.std_dev, expected.std_dev),
            ];
            let scale = expected.max.abs().max(expected.min.abs());
            for (read, expected) in pairs {
                let difference = (read - expected).abs();
                assert!(difference <= 1e-9 * scale, "{read} for {expected}");
            }
            // Three bands of numbers that may be negative are not colours.
            let colour = band.color_interpretation();
            assert_eq!(colour, ColorInterpretation::GrayIndex);
        });
    });
}

#[test]
fn nodata_and_statistics_are_those_of_gdal() {
    for nodata in [0, -32768, 77] {
        assert_described(&signed(700, 300, 3, nodata));
    }
    for nodata in [f32::NAN, -9999.0, 0.1, f32::MIN] {
        assert_described(&floating(700, 300, 3, nodata));
    }
}
