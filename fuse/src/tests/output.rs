//! What the output repeats of its inputs.

use gdal::raster::{Buffer, ColorInterpretation};
use gdal::{Dataset, DriverManager, Metadata};

use super::scenes::*;
use crate::SampleType;
use crate::gdal::MemoryFolder;

fn assert_repeats(scene: &Scene, fused: &Fused) {
    reopened(&fused.bytes, |dataset| {
        assert_eq!(dataset.raster_size(), scene.size);
    });
    for (index, seed) in (1..=3).zip(1..) {
        assert!(
            read_band(&fused.bytes, index) == samples(scene, seed),
            "band {index} of {scene:?}"
        );
    }
}

#[test]
fn the_output_repeats_the_bands_pixel_for_pixel() {
    // Tiles smaller and larger than a chunk, that fit it and that do not, and a single one.
    for (size, tile) in [
        ((300, 200), 64),
        ((1500, 1300), 343),
        ((1030, 2060), 1024),
        ((1100, 1100), 2048),
    ] {
        let scene = Scene {
            size,
            tile,
            ..Scene::default()
        };
        assert_repeats(&scene, &try_fuse(&rgb(&scene)).unwrap());
    }
}

#[test]
fn bands_may_have_different_tiles_and_formats() {
    let scene = Scene {
        size: (1500, 1300),
        ..Scene::default()
    };
    let tiled = |tile| Scene {
        tile,
        ..scene.clone()
    };
    let cog = encoded(
        &scene,
        &samples(&scene, 3),
        "COG",
        &[("COMPRESS", "DEFLATE"), ("PREDICTOR", "YES")],
    );
    let bands = [
        band("B04", jp2(&tiled(1024), &samples(&scene, 1))),
        band("B03", jp2(&tiled(192), &samples(&scene, 2))),
        band("B02", cog),
    ];
    assert_repeats(&scene, &try_fuse(&bands).unwrap());
}

#[test]
fn geotiffs_of_every_kind_that_is_read_give_the_same_file_as_jp2s() {
    let scene = Scene {
        size: (700, 600),
        tile: 256,
        ..Scene::default()
    };
    let expected = try_fuse(&[band("B04", jp2(&scene, &samples(&scene, 1)))]).unwrap();
    let cases: [&[(&str, &str)]; 6] = [
        &[],
        &[("COMPRESS", "LZW"), ("TILED", "YES")],
        &[("COMPRESS", "DEFLATE"), ("PREDICTOR", "2")],
        &[
            ("COMPRESS", "ZSTD"),
            ("TILED", "YES"),
            ("PREDICTOR", "2"),
            ("BIGTIFF", "YES"),
        ],
        &[
            ("TILED", "YES"),
            ("BLOCKXSIZE", "512"),
            ("BLOCKYSIZE", "128"),
            ("ENDIANNESS", "BIG"),
        ],
        &[
            ("TILED", "YES"),
            ("SPARSE_OK", "TRUE"),
            ("COMPRESS", "DEFLATE"),
            ("BLOCKXSIZE", "16"),
            ("BLOCKYSIZE", "16"),
        ],
    ];
    for options in cases {
        let bytes = encoded(&scene, &samples(&scene, 1), "GTiff", options);
        let fused =
            try_fuse(&[band("B04", bytes)]).unwrap_or_else(|error| panic!("{options:?}: {error}"));
        assert!(fused.bytes == expected.bytes, "{options:?}");
    }
}

#[test]
fn the_output_says_what_and_where_it_is() {
    let Fused { cog, bytes } = try_fuse(&rgb(&Scene::default())).unwrap();
    assert_eq!(
        (cog.crs.as_str(), cog.transform[0], cog.transform[3]),
        ("EPSG:32629", 499_980.0, 5_900_040.0)
    );
    reopened(&bytes, |dataset| {
        assert_eq!(
            dataset
                .metadata_item("LAYOUT", "IMAGE_STRUCTURE")
                .as_deref(),
            Some("COG")
        );
        assert_eq!(dataset.metadata_item("TILE", "").as_deref(), Some("29UNU"));
        assert_eq!(dataset.spatial_ref().unwrap().authority().unwrap(), cog.crs);
        assert_eq!(
            dataset.geo_transform().unwrap().map(f64::to_bits),
            cog.transform.map(f64::to_bits)
        );
        let red = dataset.rasterband(1).unwrap();
        assert_eq!(red.description().unwrap(), "B04");
        assert_eq!(red.no_data_value(), Some(0.0));
        assert_eq!(red.color_interpretation(), ColorInterpretation::RedBand);
        let spread = cog.bands[0].spread.as_ref().unwrap();
        assert_eq!(
            red.metadata_item("STATISTICS_MINIMUM", ""),
            Some(spread.minimum.to_string())
        );
        assert_eq!(
            red.metadata_item("STATISTICS_MEAN", ""),
            Some(spread.mean.to_string())
        );
        assert!(red.metadata_item("STATISTICS_VALID_PERCENT", "").is_some());
    });
}

#[test]
fn the_same_bands_give_the_same_bytes_with_any_number_of_threads() {
    let bands = rgb(&Scene {
        size: (2100, 1100),
        tile: 128,
        ..Scene::default()
    });
    let expected = try_fuse_with(&bands, 1).unwrap().bytes;
    for threads in [1, 2, 3, 8] {
        assert!(
            try_fuse_with(&bands, threads).unwrap().bytes == expected,
            "{threads} threads"
        );
    }
}

#[test]
fn overviews_are_those_of_gdaladdo() {
    let scene = Scene {
        size: (1101, 301),
        tile: 256,
        ..Scene::default()
    };
    let Fused { cog, bytes } = try_fuse(&[band("B04", jp2(&scene, &samples(&scene, 1)))]).unwrap();
    assert_eq!(cog.overviews, [2, 4, 8, 16, 32]);

    let folder = MemoryFolder::new();
    let path = folder.path("expected.tif");
    let driver = DriverManager::get_driver_by_name("GTiff").unwrap();
    let mut expected = driver
        .create_with_band_type::<u16, _>(&path, 1101, 301, 1)
        .unwrap();
    {
        let mut target = expected.rasterband(1).unwrap();
        target.set_no_data_value(Some(0.0)).unwrap();
        target
            .write(
                (0, 0),
                scene.size,
                &mut Buffer::new(scene.size, samples(&scene, 1)),
            )
            .unwrap();
    }
    expected.flush_cache().unwrap();
    expected
        .build_overviews("AVERAGE", &[2, 4, 8, 16, 32], &[])
        .unwrap();
    reopened(&bytes, |dataset| {
        for level in 0..5 {
            let read = |dataset: &Dataset| {
                let overview = dataset.rasterband(1).unwrap().overview(level).unwrap();
                overview.read_band_as::<u16>().unwrap()
            };
            assert_eq!(
                read(dataset).data(),
                read(&expected).data(),
                "level {level}"
            );
        }
    });
}

#[test]
fn bands_of_eight_bits_stay_bytes() {
    let scene = Scene::default();
    let low: Vec<u8> = samples(&scene, 1)
        .into_iter()
        .map(|sample| u8::try_from(sample % 256).unwrap())
        .collect();
    let Fused { cog, bytes } = try_fuse(&[band("SCL", jp2(&scene, &low))]).unwrap();
    assert_eq!(cog.sample_type, SampleType::U8);
    reopened(&bytes, |dataset| {
        assert_eq!(
            dataset
                .rasterband(1)
                .unwrap()
                .read_band_as::<u8>()
                .unwrap()
                .data(),
            low
        );
    });
}
