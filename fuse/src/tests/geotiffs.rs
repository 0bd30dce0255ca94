//! `GeoTIFF` files that say in other ways what is nodata, and samples of other widths.

use gdal::config::{clear_thread_local_config_option, set_thread_local_config_option};
use gdal::raster::{Buffer, GdalType, RasterCreationOptions};
use gdal::spatial_ref::SpatialRef;
use gdal::{Dataset, DriverManager, vsi};

use super::scenes::*;
use crate::cog::{Field, directory, file_of_directories};
use crate::gdal::MemoryFolder;

/// A TIFF as GDAL writes it, changed before it is closed.
pub(super) fn geotiff<T: GdalType + Copy>(
    scene: &Scene,
    samples: &[T],
    items: &[(&str, &str)],
    edit: impl FnOnce(&mut Dataset),
) -> Vec<u8> {
    let folder = MemoryFolder::new();
    let path = folder.path("scene.tif");
    let mut options = RasterCreationOptions::new();
    for (key, value) in items {
        options.set_name_value(key, value).unwrap();
    }
    let driver = DriverManager::get_driver_by_name("GTiff").unwrap();
    let (width, height) = scene.size;
    let mut dataset = driver
        .create_with_band_type_with_options::<T, _>(&path, width, height, 1, &options)
        .unwrap();
    let system = SpatialRef::from_epsg(scene.code.unwrap()).unwrap();
    dataset.set_spatial_ref(&system).unwrap();
    dataset
        .set_geo_transform(&[scene.origin.0, 10.0, 0.0, scene.origin.1, 0.0, -10.0])
        .unwrap();
    edit(&mut dataset);
    let mut buffer = Buffer::new(scene.size, samples.to_vec());
    let mut raster = dataset.rasterband(1).unwrap();
    raster.write((0, 0), scene.size, &mut buffer).unwrap();
    dataset.close().unwrap();
    vsi::get_vsi_mem_file_bytes_owned(&path).unwrap()
}

fn with_nodata<T: GdalType + Copy>(scene: &Scene, samples: &[T], nodata: f64) -> Vec<u8> {
    geotiff(scene, samples, &[], |dataset| {
        let mut raster = dataset.rasterband(1).unwrap();
        raster.set_no_data_value(Some(nodata)).unwrap();
    })
}

/// With a mask directory, 0 where nothing is valid.
fn with_mask(scene: &Scene, samples: &[u16], mask: &[u8], items: &[(&str, &str)]) -> Vec<u8> {
    let option = "GDAL_TIFF_INTERNAL_MASK";
    set_thread_local_config_option(option, "YES").unwrap();
    let bytes = geotiff(scene, samples, items, |dataset| {
        let mut raster = dataset.rasterband(1).unwrap();
        raster.create_mask_band(true).unwrap();
        let mut mask = Buffer::new(scene.size, mask.to_vec());
        let mut band = raster.open_mask_band().unwrap();
        band.write((0, 0), scene.size, &mut mask).unwrap();
    });
    clear_thread_local_config_option(option).unwrap();
    bytes
}

/// The same file by the COG driver.
fn as_cog(bytes: &[u8]) -> Vec<u8> {
    let folder = MemoryFolder::new();
    let (from, to) = (folder.path("from.tif"), folder.path("to.tif"));
    vsi::create_mem_file(&from, bytes.to_vec()).unwrap();
    let mut options = RasterCreationOptions::new();
    for (key, value) in [("COMPRESS", "DEFLATE"), ("BLOCKSIZE", "128")] {
        options.set_name_value(key, value).unwrap();
    }
    let driver = DriverManager::get_driver_by_name("COG").unwrap();
    let dataset = Dataset::open(&from).unwrap();
    let copy = dataset.create_copy(&driver, &to, &options).unwrap();
    copy.close().unwrap();
    vsi::get_vsi_mem_file_bytes_owned(&to).unwrap()
}

fn large() -> Scene {
    Scene {
        size: (700, 600),
        ..Scene::default()
    }
}

/// Samples with 65535 in the place of 0, and a mask that is 0 there.
fn masked(scene: &Scene) -> (Vec<u16>, Vec<u8>) {
    let expected = samples(scene, 1);
    let stored = expected.iter().map(|&it| if it == 0 { 65535 } else { it });
    let mask = expected.iter().map(|&it| if it == 0 { 0 } else { 255 });
    (stored.collect(), mask.collect())
}

fn assert_fuses_to(bytes: Vec<u8>, expected: &[u16], what: &str) {
    let fused = try_fuse(&[band("B04", bytes)]).unwrap_or_else(|error| panic!("{what}: {error}"));
    assert!(read_band(&fused.bytes, 1) == expected, "{what}");
}

#[test]
fn pixels_outside_the_mask_become_nodata() {
    let scene = large();
    let (stored, mask) = masked(&scene);
    let options: [&[(&str, &str)]; 4] = [
        &[],
        &[("TILED", "YES"), ("COMPRESS", "DEFLATE")],
        &[("TILED", "YES"), ("BLOCKXSIZE", "16"), ("BLOCKYSIZE", "48")],
        &[
            ("ENDIANNESS", "BIG"),
            ("BIGTIFF", "YES"),
            ("BLOCKYSIZE", "7"),
        ],
    ];
    for options in options {
        let bytes = with_mask(&scene, &stored, &mask, options);
        let with_overviews = as_cog(&bytes);
        assert_fuses_to(bytes, &samples(&scene, 1), &format!("{options:?}"));
        assert_fuses_to(
            with_overviews,
            &samples(&scene, 1),
            &format!("COG {options:?}"),
        );
    }
    let band = |bytes| try_fuse(&[band("B04", bytes)]).unwrap().cog.bands.remove(0);
    let valid = mask.iter().filter(|&&it| it != 0).count() as u64;
    assert_eq!(
        band(with_mask(&scene, &stored, &mask, &[])).valid_pixels,
        valid
    );
}

#[test]
fn a_mask_may_have_samples_of_a_byte_and_strips_of_its_own() {
    let (width, height) = (20_u32, 9_u32);
    let scene = Scene {
        size: (20, 9),
        ..Scene::default()
    };
    let (stored, mask) = masked(&scene);
    let plain = geotiff(&scene, &stored, &[("BLOCKYSIZE", "4")], |_| ());
    let of_image = directory(&plain).unwrap();
    let placed = of_image.into_iter().filter(|field| field.tag > 33000);
    // Two directories, then the samples and the mask, which has one strip.
    let file = |image: u32, valid: u32| {
        let rows = [4_u32, 4, 1].map(|rows| rows * width * 2);
        let starts = [image, image + rows[0], image + rows[0] + rows[1]];
        let entries = |role, photometric, bits, offsets: &[u32], counts: &[u32], rows| {
            vec![
                Field::longs(254, &[role]),
                Field::longs(256, &[width]),
                Field::longs(257, &[height]),
                Field::shorts(258, &[bits]),
                Field::shorts(259, &[1]),
                Field::shorts(262, &[photometric]),
                Field::longs(273, offsets),
                Field::shorts(277, &[1]),
                Field::longs(278, &[rows]),
                Field::longs(279, counts),
            ]
        };
        let mut first = entries(0, 1, 16, &starts, &rows, 4);
        first.extend(placed.clone());
        let second = entries(4, 4, 8, &[valid], &[width * height], height);
        let mut bytes = file_of_directories(&[first, second]);
        let start = u32::try_from(bytes.len()).unwrap();
        bytes.extend(stored.iter().flat_map(|sample| sample.to_le_bytes()));
        let end = u32::try_from(bytes.len()).unwrap();
        bytes.extend(&mask);
        (bytes, start, end)
    };
    let (_, image, valid) = file(0, 0);
    assert_fuses_to(file(image, valid).0, &samples(&scene, 1), "own strips");
}

#[test]
fn a_valid_zero_is_refused_with_its_place() {
    let scene = large();
    let place = 11 * 700 + 600;
    let (mut stored, mask) = masked(&scene);
    stored[place] = 0;
    let says = |bytes: Vec<u8>, because: &str| {
        let (code, message) = error(&[band("B04", bytes)]);
        assert_eq!(code, "unsupported");
        let expected = format!(
            "band B04 (s3://b/k/B04.jp2) has the sample 0 at column 600, row 11, which is valid \
             because {because}; 0 is nodata here and valid samples are above it: mark it as \
             nodata, or shift the samples"
        );
        assert_eq!(message, expected);
    };
    says(with_mask(&scene, &stored, &mask, &[]), "its mask says so");
    let nodata = with_nodata(&scene, &stored, 65535.0);
    says(nodata, "its nodata value is 65535");
    let high: Vec<u16> = stored.iter().map(|&it| it.min(9000)).collect();
    let never = with_nodata(&scene, &high, -1.0);
    says(never, "its nodata value is -1");
}

#[test]
fn another_nodata_value_becomes_0() {
    let scene = Scene::default();
    let (stored, _) = masked(&scene);
    let expected = samples(&scene, 1);
    assert_fuses_to(with_nodata(&scene, &stored, 65535.0), &expected, "65535");
    let low = |it: u16| u8::try_from(it % 251 + 1).unwrap();
    let bytes: Vec<u8> = expected
        .iter()
        .map(|&it| if it == 0 { 255 } else { low(it) })
        .collect();
    let fused = try_fuse(&[band("SCL", with_nodata(&scene, &bytes, 255.0))]).unwrap();
    let expected: Vec<u16> = bytes
        .iter()
        .map(|&it| if it == 255 { 0 } else { it.into() })
        .collect();
    assert!(read_band(&fused.bytes, 1) == expected);
}

#[test]
fn a_tile_that_is_not_stored_is_nodata_whatever_its_value() {
    let scene = large();
    let options = [("TILED", "YES"), ("SPARSE_OK", "TRUE"), ("COMPRESS", "LZW")];
    let (mut stored, _) = masked(&scene);
    for row in stored.chunks_exact_mut(700).take(300) {
        row[256..].fill(65535);
    }
    let bytes = geotiff(&scene, &stored, &options, |dataset| {
        let mut raster = dataset.rasterband(1).unwrap();
        raster.set_no_data_value(Some(65535.0)).unwrap();
    });
    let expected: Vec<u16> = stored
        .iter()
        .map(|&it| if it == 65535 { 0 } else { it })
        .collect();
    assert_fuses_to(bytes, &expected, "sparse");
}

#[test]
fn no_nodata_value_is_told_from_an_empty_one() {
    let scene = Scene::default();
    let mut bytes = with_nodata(&scene, &samples(&scene, 1), 0.0);
    // The entry of GDAL_NODATA: ASCII, two bytes, "0" and NUL.
    let entry = [0x81, 0xa4, 2, 0, 2, 0, 0, 0, b'0', 0];
    let at = bytes.windows(10).position(|it| it == entry).unwrap();
    (bytes[at + 4], bytes[at + 8]) = (1, 0);
    assert_fuses_to(bytes, &samples(&scene, 1), "an empty value");
}

#[test]
fn signed_samples_are_read_as_far_as_they_are_above_0() {
    let scene = Scene::default();
    let expected = samples(&scene, 1);
    let signed = |nodata: i16| -> Vec<i16> {
        let sample = |&it: &u16| {
            if it == 0 {
                nodata
            } else {
                i16::try_from(it).unwrap()
            }
        };
        expected.iter().map(sample).collect()
    };
    let plain = encoded(
        &scene,
        &signed(0),
        "GTiff",
        &[("COMPRESS", "LZW"), ("PREDICTOR", "2")],
    );
    assert_fuses_to(plain, &expected, "0");
    let marked = with_nodata(&scene, &signed(-9999), -9999.0);
    assert_fuses_to(marked, &expected, "-9999");
    let mut negative = signed(-9999);
    negative[300 * 150 + 299] = -5;
    let cases = [
        (
            with_nodata(&scene, &negative, -9999.0),
            "-5 at column 299, row 150",
        ),
        (
            geotiff(&scene, &signed(-9999), &[], |_| ()),
            "-9999 at column 0, row 0",
        ),
    ];
    for (bytes, words) in cases {
        let (code, message) = error(&[band("B04", bytes)]);
        assert_eq!(code, "unsupported");
        assert!(message.contains(words), "{message}");
    }
}

#[test]
fn samples_of_fewer_bits_are_unpacked() {
    let scene = Scene {
        size: (301, 203),
        ..Scene::default()
    };
    for bits in 9..=16_u32 {
        let limit = u16::try_from((1_u32 << bits) - 1).unwrap();
        let expected: Vec<u16> = samples(&scene, bits).iter().map(|&it| it & limit).collect();
        let bits = bits.to_string();
        let options: [&[(&str, &str)]; 4] = [
            &[],
            &[("COMPRESS", "DEFLATE"), ("TILED", "YES")],
            &[
                ("COMPRESS", "LZW"),
                ("BLOCKYSIZE", "5"),
                ("ENDIANNESS", "BIG"),
            ],
            &[("COMPRESS", "ZSTD"), ("TILED", "YES"), ("BIGTIFF", "YES")],
        ];
        for options in options {
            let options = [options, &[("NBITS", &*bits)]].concat();
            let bytes = encoded(&scene, &expected, "GTiff", &options);
            assert_fuses_to(bytes, &expected, &format!("{options:?}"));
        }
    }
    // What GDAL makes of an ESA JP2.
    let jp2 = jp2_with(
        &scene,
        &samples(&scene, 1),
        &[("QUALITY", "100"), ("REVERSIBLE", "YES"), ("NBITS", "15")],
    );
    let folder = MemoryFolder::new();
    let (from, to) = (folder.path("esa.jp2"), folder.path("esa.tif"));
    vsi::create_mem_file(&from, jp2).unwrap();
    let driver = DriverManager::get_driver_by_name("GTiff").unwrap();
    let dataset = Dataset::open(&from).unwrap();
    let copy = dataset.create_copy(&driver, &to, &RasterCreationOptions::new());
    copy.unwrap().close().unwrap();
    let bytes = vsi::get_vsi_mem_file_bytes_owned(&to).unwrap();
    assert_fuses_to(bytes, &samples(&scene, 1), "an ESA JP2 by GDAL");
}

#[test]
fn masks_that_do_not_fit_are_refused() {
    let scene = large();
    let (stored, mask) = masked(&scene);
    let bytes = with_mask(&scene, &stored, &mask, &[]);
    // The directory of the mask begins with NewSubfileType and its size, 700 x 600.
    let head = [254, 0, 4, 0, 1, 0, 0, 0, 4, 0, 0, 0];
    let at = bytes.windows(12).position(|it| it == head).unwrap();
    let mut narrow = bytes.clone();
    assert_eq!(narrow[at + 20..at + 22], 700_u16.to_le_bytes());
    narrow[at + 20] -= 1;
    let mut page = bytes.clone();
    page[at + 8] = 0;
    // And with its Photometric, it is an image of its own.
    let mut second = page.clone();
    let photometric = [6, 1, 3, 0, 1, 0, 0, 0, 4, 0];
    let place = second.windows(10).position(|it| it == photometric);
    second[place.unwrap() + 8] = 1;
    let mut circle = bytes;
    let count = usize::from(u16::from_le_bytes([circle[at - 2], circle[at - 1]]));
    let link = at + 12 * count;
    let own = u32::try_from(at - 2).unwrap().to_le_bytes();
    circle[link..link + 4].copy_from_slice(&own);
    for (bytes, code, words) in [
        (
            narrow,
            "unsupported",
            "its mask is 699x600 and its image 700x600",
        ),
        (page, "malformed", "says that it is a mask"),
        (circle, "malformed", "in a circle"),
    ] {
        let (seen, message) = error(&[band("B04", bytes)]);
        assert_eq!(seen, code, "{message}");
        assert!(message.contains(words), "{message}");
    }
    assert_fuses_to(second, &stored, "a second page");
}

#[test]
fn a_flipped_bit_in_the_directory_of_a_mask_makes_no_other_raster() {
    let scene = Scene {
        size: (40, 30),
        ..Scene::default()
    };
    let (stored, mask) = masked(&scene);
    let bytes = with_mask(&scene, &stored, &mask, &[("COMPRESS", "DEFLATE")]);
    let whole = try_fuse_with(&[band("B04", bytes.clone())], 1)
        .unwrap()
        .bytes;
    let head = [254, 0, 4, 0, 1, 0, 0, 0, 4, 0, 0, 0];
    let at = bytes.windows(12).position(|it| it == head).unwrap();
    let count = usize::from(u16::from_le_bytes([bytes[at - 2], bytes[at - 1]]));
    for place in at - 2..at + 12 * count + 4 {
        for bit in 0..8 {
            let mut flipped = bytes.clone();
            flipped[place] ^= 1 << bit;
            match try_fuse_with(&[band("B04", flipped)], 1) {
                Ok(fused) => assert!(fused.bytes == whole, "bit {bit} of byte {}", place - at),
                Err(error) => assert!(error.is_permanent(), "{error}"),
            }
        }
    }
}
