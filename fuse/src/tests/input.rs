//! Inputs that are read by other means, and inputs that are refused.

use gdal::Dataset;
use gdal::vsi;

use super::scenes::*;
use crate::gdal::MemoryFolder;
use crate::{Cancel, prepare};

#[test]
fn geotiffs_outside_the_profile_are_refused_by_name() {
    let scene = Scene::default();
    let tiff = |options: &[(&str, &str)]| encoded(&scene, &samples(&scene, 1), "GTiff", options);
    let with_nodata = |value: f64| {
        let folder = MemoryFolder::new();
        let path = folder.path("nodata.tif");
        vsi::create_mem_file(&path, tiff(&[])).unwrap();
        let dataset = Dataset::open_ex(
            &path,
            gdal::DatasetOptions {
                open_flags: gdal::GdalOpenFlags::GDAL_OF_UPDATE,
                ..Default::default()
            },
        );
        let mut dataset = dataset.unwrap();
        dataset
            .rasterband(1)
            .unwrap()
            .set_no_data_value(Some(value))
            .unwrap();
        dataset.flush_cache().unwrap();
        dataset.close().unwrap();
        vsi::get_vsi_mem_file_bytes_owned(&path).unwrap()
    };
    assert!(try_fuse(&[band("B04", with_nodata(0.0))]).is_ok());
    let mut cut = tiff(&[("TILED", "YES")]);
    cut.truncate(cut.len() / 2);
    let nowhere = Scene {
        code: None,
        ..scene.clone()
    };
    let cases = [
        (
            with_nodata(65535.0),
            "unsupported",
            "has the sample 0 at column 0, row 0, which is valid because its nodata value is 65535",
        ),
        (
            encoded(&scene, &vec![1.5_f32; 300 * 200], "GTiff", &[]),
            "unsupported",
            "it",
        ),
        (
            encoded(
                &Scene {
                    bands: 3,
                    ..scene.clone()
                },
                &samples(&scene, 1),
                "GTiff",
                &[],
            ),
            "unsupported",
            "it has 3 samples in a pixel; 1 is read",
        ),
        (tiff(&[("COMPRESS", "PACKBITS")]), "unsupported", "32773"),
        (cut, "truncated", "runs past byte"),
        (
            encoded(&nowhere, &samples(&scene, 1), "GTiff", &[]),
            "no_georeference",
            "has no georeference",
        ),
        (b"II*\0and so on and so on".to_vec(), "truncated", ""),
    ];
    for (bytes, code, words) in cases {
        let (seen, message) = error(&[band("B04", bytes)]);
        assert_eq!(seen, code, "{message}");
        assert!(
            message.starts_with("band B04 (s3://b/k/B04.jp2) ") && message.contains(words),
            "{message}"
        );
    }
}

#[test]
fn what_lies_outside_the_profile_of_the_decoder_is_what_gdal_makes_of_it() {
    let scene = Scene {
        size: (1100, 300),
        tile: 256,
        ..Scene::default()
    };
    let bytes = jp2_with(
        &scene,
        &samples(&scene, 1),
        &[("QUALITY", "40"), ("REVERSIBLE", "NO")],
    );
    let expected = read_band(&bytes, 1);
    assert!(expected != samples(&scene, 1));
    let bands = [
        band("B04", bytes.clone()),
        band("B03", jp2(&scene, &samples(&scene, 2))),
    ];
    let needed = |bands| {
        prepare(request(bands, 1), &Cancel::new())
            .unwrap()
            .memory_needed()
    };
    assert!(needed(&bands[..1]) > needed(&bands[1..]) + bytes.len() as u64);
    let fused = try_fuse(&bands).unwrap();
    assert!(read_band(&fused.bytes, 1) == expected);
    assert!(read_band(&fused.bytes, 2) == samples(&scene, 2));
    let mut cut = bytes;
    cut.truncate(cut.len() * 3 / 4);
    assert_eq!(error(&[band("B04", cut)]).0, "truncated");
}

#[test]
fn files_of_little_quality_are_not_taken_for_damaged_ones() {
    let scene = Scene {
        size: (300, 200),
        tile: 128,
        ..Scene::default()
    };
    for reversible in ["YES", "NO"] {
        for quality in ["1", "3", "10", "30", "60", "90", "1,5,20"] {
            let options = [
                ("QUALITY", quality),
                ("REVERSIBLE", reversible),
                ("RESOLUTIONS", "4"),
            ];
            let bytes = jp2_with(&scene, &samples(&scene, 1), &options);
            let expected = read_band(&bytes, 1);
            let fused = try_fuse(&[band("B04", bytes)])
                .unwrap_or_else(|error| panic!("{options:?}: {error}"));
            assert!(read_band(&fused.bytes, 1) == expected, "{options:?}");
        }
    }
}

#[test]
fn bands_that_do_not_share_a_grid_are_both_named() {
    let scene = Scene::default();
    let first = band("B04", jp2(&scene, &samples(&scene, 1)));
    let other = |scene: &Scene| band("B03", jp2(scene, &samples(scene, 2)));
    let cases = [
        (
            other(&Scene {
                size: (150, 100),
                ..scene.clone()
            }),
            "is 150x100 but band B04 (s3://b/k/B04.jp2) is 300x200: the bands of a cell must agree in size",
        ),
        (
            other(&Scene {
                code: Some(32630),
                ..scene.clone()
            }),
            "is in EPSG:32630 but band B04 (s3://b/k/B04.jp2) is in EPSG:32629: the bands of a cell must agree in \
             coordinate reference system",
        ),
        (
            other(&Scene {
                origin: (499_990.0, 5_900_040.0),
                ..scene.clone()
            }),
            "has its origin at 499990,5900040 and pixels of 10x-10 but band B04 (s3://b/k/B04.jp2) has its origin at \
             499980,5900040 and pixels of 10x-10: the bands of a cell must agree in position",
        ),
        (
            band("B03", jp2(&scene, &vec![1_u8; 300 * 200])),
            "has 8-bit samples but band B04 (s3://b/k/B04.jp2) has 16-bit samples: the bands of a cell must agree in \
             data type",
        ),
    ];
    for (second, expected) in cases {
        let (code, message) = error(&[first.clone(), second]);
        assert_eq!(code, "band_mismatch");
        let expected = format!(
            "band B03 (s3://b/k/B03.jp2) {expected}; name bands of one product, and of one resolution to stack them"
        );
        assert_eq!(message, expected);
    }
}

#[test]
fn what_cannot_be_fused_is_said() {
    let scene = Scene::default();
    let nowhere = Scene {
        code: None,
        ..scene.clone()
    };
    let colour = Scene {
        bands: 3,
        ..scene.clone()
    };
    let mut cut = jp2(&scene, &samples(&scene, 1));
    cut.truncate(cut.len() / 2);
    let signed: Vec<i16> = vec![-5; 300 * 200];
    let cases = [
        (
            b"{\"not\": \"a band\"}".to_vec(),
            "not_jp2",
            "looks like JSON; a JPEG 2000 file (JP2) or a GeoTIFF is expected",
        ),
        (Vec::new(), "not_jp2", "is empty"),
        (cut, "truncated", "'jp2c'"),
        (
            jp2(&nowhere, &samples(&nowhere, 1)),
            "no_georeference",
            "has no georeference",
        ),
        (
            jp2(&colour, &samples(&colour, 1)),
            "unsupported",
            "it has 3 components",
        ),
        (
            jp2(&scene, &signed),
            "unsupported",
            "its samples are signed with 16 bits",
        ),
    ];
    for (bytes, code, words) in cases {
        let (seen, message) = error(&[band("B04", bytes)]);
        assert_eq!(seen, code, "{message}");
        assert!(
            message.starts_with("band B04 (s3://b/k/B04.jp2) ") && message.contains(words),
            "{message}"
        );
    }
    assert_eq!(error(&[]).0, "request");
}

#[test]
fn damage_inside_a_tile_fails_the_cell() {
    let scene = Scene::default();
    for options in [("REVERSIBLE", "YES"), ("REVERSIBLE", "NO")] {
        let mut bytes = jp2_with(&scene, &samples(&scene, 1), &[("QUALITY", "100"), options]);
        let data = bytes
            .windows(2)
            .position(|pair| pair == [0xff, 0x93])
            .expect("there is an SOD")
            + 2;
        // Looks like a packet header that goes on and on; the structure around it stays intact.
        bytes[data..data + 64]
            .as_chunks_mut::<2>()
            .0
            .fill([0xff, 0x7f]);
        let broken = band("B04", bytes);
        assert!(prepare(request(std::slice::from_ref(&broken), 1), &Cancel::new()).is_ok());
        let (code, message) = error(&[broken]);
        assert!(
            ["decode", "malformed", "truncated"].contains(&code),
            "{code}: {message}"
        );
        assert!(
            message.starts_with("band B04 (s3://b/k/B04.jp2) "),
            "{message}"
        );
    }
}
