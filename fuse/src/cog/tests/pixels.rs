//! Pixels and overviews of unsigned samples, where the means are those of GDAL to the last bit.

use proptest::prelude::*;

use super::image::{Image, assert_levels, levels, reopened, write, written};
use crate::cog::{CogSample, Compression, Overviews};
use crate::sample::Nodata;

fn assert_same_pixels<T: CogSample>(image: &Image<T>, file: &[u8]) {
    assert_levels(image, Overviews::Average, file, |one, other| one == other);
}

/// The same image in samples of 8 bits.
fn narrow(image: &Image<u16>) -> Image<u8> {
    image.map(Nodata::U8(0), |sample| sample.to_le_bytes()[0])
}

#[test]
fn every_compression_gives_back_all_pixels_at_all_levels() {
    for compression in [
        "deflate:1",
        "deflate:12",
        "zstd:1",
        "zstd:12",
        "lerc",
        "none",
    ] {
        let compression = compression.parse().unwrap();
        let image = Image::scene(1100, 700, 3);
        assert_same_pixels(&image, &written(&image, compression));
        let image = narrow(&image);
        assert_same_pixels(&image, &written(&image, compression));
    }
}

#[test]
fn overviews_are_those_of_gdal_whatever_the_size() {
    for (width, height, bands) in [
        (343, 343, 1),
        (439, 439, 2),
        (1098, 1098, 1),
        (1830, 1830, 1),
        (512, 1024, 1),
        (2744, 2050, 1),
        (2745, 1373, 1),
        (1, 512, 1),
        (2, 2, 1),
        (33, 2, 4),
        (1025, 3, 1),
    ] {
        let image = Image::scene(width, height, bands);
        assert_same_pixels(&image, &written(&image, Compression::None));
    }
}

/// GDAL makes each level of such an image from the full resolution, and not from the one before.
#[test]
fn a_long_line_of_pixels_is_halved_again_and_again() {
    for (width, height) in [(1, 1024), (2048, 1)] {
        let image = Image::new(width, height, 1, |x, y, _| {
            u16::try_from((x + y) * 7 % 4000 + 1).unwrap()
        });
        let read = reopened(&written(&image, Compression::None), |dataset| {
            levels::<u16>(dataset, 1)
        });
        assert_eq!(read.len(), 6);
        for pair in read.windows(2) {
            let halves = pair[0].as_chunks::<2>().0.iter();
            let expected: Vec<_> = halves
                .map(|[one, other]| (one + other).div_ceil(2))
                .collect();
            assert_eq!(pair[1], expected);
        }
    }
}

/// Small values make means that lie exactly between two integers. Lines of pixels have a test of
/// their own: GDAL halves the long ones in another way.
fn images() -> impl Strategy<Value = Image<u16>> {
    let side = || prop_oneof![2_u32..70, 1000_u32..1100];
    let values = prop_oneof![Just(2_u32), Just(4), Just(255), Just(65_535)];
    (side(), side(), values, 0_u32..100, any::<u32>()).prop_map(
        |(width, height, values, holes, seed)| {
            Image::new(width, height, 1, |x, y, _| {
                let mut noise = seed ^ x.wrapping_mul(0x9e37_79b9) ^ y.wrapping_mul(0x85eb_ca6b);
                for _ in 0..3 {
                    noise = (noise ^ (noise >> 15)).wrapping_mul(0x2c1b_3c6d);
                }
                let is_hole = (noise >> 8) % 100 < holes;
                if is_hole {
                    0
                } else {
                    u16::try_from((noise >> 16) % values + 1).unwrap_or(u16::MAX)
                }
            })
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn overviews_are_those_of_gdal_to_the_last_tie(image in images()) {
        assert_same_pixels(&image, &written(&image, Compression::None));
        let image = narrow(&image);
        assert_same_pixels(&image, &written(&image, Compression::None));
    }
}

#[test]
fn bytes_depend_neither_on_the_order_nor_on_the_threads() {
    // Sides that are even, odd once halved, and odd.
    for (width, height) in [(3000, 2100), (2300, 2050), (2049, 1500)] {
        let image = Image::scene(width, height, 2);
        let in_order = image.chunks();
        let compression = Compression::Zstd { level: 1 };
        let (expected, _) = write(&image, Overviews::Average, compression, &in_order, 1);
        let backwards: Vec<_> = in_order.iter().copied().rev().collect();
        let mut by_column = in_order.clone();
        by_column.sort_unstable();
        for order in [in_order, backwards, by_column] {
            for threads in [1, 3] {
                let file = write(&image, Overviews::Average, compression, &order, threads).0;
                assert!(file == expected);
            }
        }
    }
}

#[test]
fn nothing_but_nodata_is_an_image_too() {
    let image = Image::new(1300, 70, 2, |_, _, _| 0);
    let (file, finished) = write(
        &image,
        Overviews::Average,
        Compression::Deflate { level: 1 },
        &image.chunks(),
        1,
    );
    assert_same_pixels(&image, &file);
    assert!(
        finished
            .statistics
            .iter()
            .all(|band| band.spread.is_none() && band.pixels == 1300 * 70)
    );
    assert!(file.len() < 50_000, "{}", file.len());
}

#[test]
fn an_image_as_wide_as_a_tile_is_still_tiled() {
    for (width, height) in [(512, 1024), (1024, 2000), (1023, 1100)] {
        let image = Image::scene(width, height, 1);
        let file = written(&image, Compression::Zstd { level: 1 });
        reopened(&file, |dataset| {
            assert_eq!(dataset.rasterband(1).unwrap().block_size(), (256, 256));
        });
        assert_same_pixels(&image, &file);
    }
}
