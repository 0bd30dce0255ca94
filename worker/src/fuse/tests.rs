use std::path::Path;

use gdal::raster::{Buffer, ColorInterpretation, GdalType, RasterCreationOptions};
use gdal::spatial_ref::SpatialRef;
use gdal::{Dataset, DriverManager, Metadata, vsi};

use super::decode::{decode, opened};
use super::scratch::{Scratch, files};
use super::session::Session;
use super::*;

/// What a generated band looks like; `code` and `transform` are left out for one without a georeference.
#[derive(Clone)]
struct Scene {
    size: (usize, usize),
    tile: u32,
    code: Option<u32>,
    origin: (f64, f64),
    bands: usize,
}

impl Default for Scene {
    fn default() -> Self {
        Self { size: (300, 200), tile: 64, code: Some(32629), origin: (499_980.0, 5_900_040.0), bands: 1 }
    }
}

fn memory<T: GdalType + Copy>(scene: &Scene, samples: &[T]) -> Dataset {
    let (width, height) = scene.size;
    let driver = DriverManager::get_driver_by_name("MEM").unwrap();
    let mut dataset = driver.create_with_band_type::<T, _>("", width, height, scene.bands).unwrap();
    if let Some(code) = scene.code {
        dataset.set_spatial_ref(&SpatialRef::from_epsg(code).unwrap()).unwrap();
        dataset.set_geo_transform(&[scene.origin.0, 10.0, 0.0, scene.origin.1, 0.0, -10.0]).unwrap();
    }
    for index in 1..=scene.bands {
        let mut buffer = Buffer::new(scene.size, samples.to_vec());
        dataset.rasterband(index).unwrap().write((0, 0), scene.size, &mut buffer).unwrap();
    }
    dataset
}

fn jp2<T: GdalType + Copy>(scene: &Scene, samples: &[T]) -> Vec<u8> {
    let scratch = Scratch::new();
    let path = scratch.path("scene.jp2");
    let mut options = RasterCreationOptions::new();
    let tile = scene.tile.to_string();
    for (key, value) in [
        ("QUALITY", "100"),
        ("REVERSIBLE", "YES"),
        ("BLOCKXSIZE", &tile),
        ("BLOCKYSIZE", &tile),
        ("PLT", "YES"),
    ] {
        options.set_name_value(key, value).unwrap();
    }
    let driver = DriverManager::get_driver_by_name("JP2OpenJPEG").unwrap();
    memory(scene, samples).create_copy(&driver, &path, &options).unwrap().close().unwrap();
    vsi::get_vsi_mem_file_bytes_owned(&path).unwrap()
}

fn band(name: &str, bytes: Vec<u8>) -> WholeBand {
    WholeBand { name: name.into(), source: format!("s3://b/k/{name}.jp2"), bytes: bytes.into() }
}

/// Samples without a pattern that a wrong tile or a swapped row would repeat, with nodata in the upper left.
fn samples(scene: &Scene, seed: u32) -> Vec<u16> {
    let (width, height) = (u32::try_from(scene.size.0).unwrap(), u32::try_from(scene.size.1).unwrap());
    let sample = |x: u32, y: u32| {
        let lit = (x * 7 + y * 13 + x * y / 5 + seed * 31) % 9000 + 1;
        if x + 2 * y < width / 3 { 0 } else { u16::try_from(lit).unwrap() }
    };
    (0..height).flat_map(|y| (0..width).map(move |x| sample(x, y))).collect()
}

fn rgb(scene: &Scene) -> Vec<WholeBand> {
    let names = ["B04", "B03", "B02"].into_iter().zip(1..);
    names.map(|(name, seed)| band(name, jp2(scene, &samples(scene, seed)))).collect()
}

fn try_fuse(bands: &[WholeBand]) -> Result<Cog, FuseError> {
    let metadata = [("TILE".to_owned(), "29UNU".to_owned())];
    let request = WholeRequest { bands, compression: Compression::Deflate { level: 1 }, metadata: &metadata };
    fuse(&request, &Cancel::new())
}

fn error(bands: &[WholeBand]) -> (&'static str, String) {
    let error = try_fuse(bands).map(|cog| cog.head.len()).expect_err("these bands cannot be fused");
    (error.code(), error.to_string())
}

fn reopened<R>(bytes: &[u8], look: impl FnOnce(&Dataset) -> R) -> R {
    let scratch = Scratch::new();
    let path = scratch.path("cog.tif");
    vsi::create_mem_file(&path, bytes.to_vec()).unwrap();
    look(&Dataset::open(&path).unwrap())
}

#[test]
fn the_output_repeats_the_bands_pixel_for_pixel() {
    let scene = Scene::default();
    let cog = try_fuse(&rgb(&scene)).unwrap();
    reopened(&cog.head[0], |dataset| {
        assert_eq!(dataset.raster_size(), scene.size);
        for (index, seed) in (1..=3).zip(1..) {
            let read = dataset.rasterband(index).unwrap().read_band_as::<u16>().unwrap();
            assert_eq!(read.data(), samples(&scene, seed), "band {index}");
        }
    });
}

#[test]
fn the_output_says_what_and_where_it_is() {
    let cog = try_fuse(&rgb(&Scene::default())).unwrap();
    assert_eq!(
        (cog.crs.as_str(), cog.transform[0], cog.transform[3]),
        ("EPSG:32629", 499_980.0, 5_900_040.0)
    );
    reopened(&cog.head[0], |dataset| {
        assert_eq!(dataset.metadata_item("LAYOUT", "IMAGE_STRUCTURE").as_deref(), Some("COG"));
        assert_eq!(dataset.metadata_item("TILE", "").as_deref(), Some("29UNU"));
        assert_eq!(dataset.spatial_ref().unwrap().authority().unwrap(), cog.crs);
        assert_eq!(dataset.geo_transform().unwrap().map(f64::to_bits), cog.transform.map(f64::to_bits));
        let red = dataset.rasterband(1).unwrap();
        assert_eq!(red.description().unwrap(), "B04");
        assert_eq!(red.no_data_value(), Some(0.0));
        assert_eq!(red.color_interpretation(), ColorInterpretation::RedBand);
        let spread = cog.bands[0].spread.as_ref().unwrap();
        assert_eq!(red.metadata_item("STATISTICS_MINIMUM", ""), Some(spread.minimum.to_string()));
        assert_eq!(red.metadata_item("STATISTICS_MEAN", ""), Some(spread.mean.to_string()));
        assert!(red.metadata_item("STATISTICS_VALID_PERCENT", "").is_some());
    });
}

#[test]
fn the_same_bands_give_the_same_bytes() {
    let bands = rgb(&Scene { size: (700, 300), tile: 128, ..Scene::default() });
    assert_eq!(try_fuse(&bands).unwrap().head, try_fuse(&bands).unwrap().head);
}

#[test]
fn overviews_are_those_of_gdaladdo() {
    let scene = Scene { size: (1101, 301), tile: 256, ..Scene::default() };
    let cog = try_fuse(&[band("B04", jp2(&scene, &samples(&scene, 1)))]).unwrap();
    assert_eq!(cog.overviews, [2, 4, 8, 16, 32]);

    let scratch = Scratch::new();
    let path = scratch.path("expected.tif");
    let driver = DriverManager::get_driver_by_name("GTiff").unwrap();
    let mut expected = driver.create_with_band_type::<u16, _>(&path, 1101, 301, 1).unwrap();
    {
        let mut target = expected.rasterband(1).unwrap();
        target.set_no_data_value(Some(0.0)).unwrap();
        target.write((0, 0), scene.size, &mut Buffer::new(scene.size, samples(&scene, 1))).unwrap();
    }
    expected.flush_cache().unwrap();
    expected.build_overviews("AVERAGE", &[2, 4, 8, 16, 32], &[]).unwrap();
    reopened(&cog.head[0], |dataset| {
        for level in 0..5 {
            let read = |dataset: &Dataset| {
                let overview = dataset.rasterband(1).unwrap().overview(level).unwrap();
                overview.read_band_as::<u16>().unwrap()
            };
            assert_eq!(read(dataset).data(), read(&expected).data(), "level {level}");
        }
    });
}

#[test]
fn bands_of_eight_bits_stay_bytes() {
    let scene = Scene::default();
    let low: Vec<u8> =
        samples(&scene, 1).into_iter().map(|sample| u8::try_from(sample % 256).unwrap()).collect();
    let cog = try_fuse(&[band("SCL", jp2(&scene, &low))]).unwrap();
    assert_eq!(cog.sample_type, SampleType::U8);
    reopened(&cog.head[0], |dataset| {
        assert_eq!(dataset.rasterband(1).unwrap().read_band_as::<u8>().unwrap().data(), low);
    });
}

#[test]
fn bands_that_do_not_share_a_grid_are_both_named() {
    let scene = Scene::default();
    let first = band("B04", jp2(&scene, &samples(&scene, 1)));
    let other = |scene: &Scene| band("B03", jp2(scene, &samples(scene, 2)));
    let cases = [
        (
            other(&Scene { size: (150, 100), ..scene.clone() }),
            "is 150x100 but band B04 (s3://b/k/B04.jp2) is 300x200: the bands of a cell must agree in size",
        ),
        (
            other(&Scene { code: Some(32630), ..scene.clone() }),
            "is in EPSG:32630 but band B04 (s3://b/k/B04.jp2) is in EPSG:32629: the bands of a cell must agree in \
             coordinate reference system",
        ),
        (
            other(&Scene { origin: (499_990.0, 5_900_040.0), ..scene.clone() }),
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
        let expected =
            format!("band B03 (s3://b/k/B03.jp2) {expected}; name bands of one resolution of one product");
        assert_eq!(message, expected);
    }
}

#[test]
fn what_cannot_be_fused_is_said() {
    let scene = Scene::default();
    let nowhere = Scene { code: None, ..scene.clone() };
    let colour = Scene { bands: 3, ..scene.clone() };
    let mut cut = jp2(&scene, &samples(&scene, 1));
    cut.truncate(cut.len() / 2);
    let signed: Vec<i16> = vec![-5; 300 * 200];
    let cases = [
        (b"II*\0and so on".to_vec(), "not_jp2", "is a TIFF, not a JPEG 2000 file"),
        (Vec::new(), "not_jp2", "is empty"),
        (cut, "truncated", "the box 'jp2c'"),
        (jp2(&nowhere, &samples(&nowhere, 1)), "no_georeference", "has no georeference"),
        (jp2(&colour, &samples(&colour, 1)), "unsupported", "it has 3 components"),
        (jp2(&scene, &signed), "unsupported", "its samples are signed with 16 bits"),
    ];
    for (bytes, code, words) in cases {
        let (seen, message) = error(&[band("B04", bytes)]);
        assert_eq!(seen, code, "{message}");
        assert!(message.starts_with("band B04 (s3://b/k/B04.jp2) ") && message.contains(words), "{message}");
    }
    assert_eq!(error(&[]).0, "request");
}

#[test]
fn damage_that_openjpeg_reports_fails_the_cell() {
    let scene = Scene::default();
    let mut bytes = jp2(&scene, &samples(&scene, 1));
    let data = bytes.windows(2).position(|pair| pair == [0xff, 0x93]).expect("there is an SOD") + 2;
    // Looks like a packet header that goes on and on; the structure around it stays intact.
    bytes[data..data + 64].as_chunks_mut::<2>().0.fill([0xff, 0x7f]);
    let broken = band("B04", bytes);
    assert!(inspect(&broken).is_ok());
    let (code, message) = error(&[broken]);
    assert_eq!(code, "decode", "{message}");
    assert!(message.contains("around column 0, row 0"), "{message}");
}

#[test]
fn cancelling_stops_between_tiles() {
    let scene = Scene::default();
    let band = band("B04", jp2(&scene, &samples(&scene, 1)));
    let header = inspect(&band).unwrap();
    let (session, scratch, cancel) = (Session::start().unwrap(), Scratch::new(), Cancel::new());
    let mut blocks = 0;
    let result = opened(&session, &scratch, &band, |dataset| {
        decode::<u16>(&session, dataset, &band, &header, &cancel, |_| {
            blocks += 1;
            cancel.cancel();
            Ok(())
        })
    });
    assert!(matches!((result, blocks), (Err(FuseError::Cancelled), 1)));
}

#[test]
fn no_memory_file_outlives_a_failure() {
    let scene = Scene::default();
    let band = band("B04", jp2(&scene, &samples(&scene, 1)));
    let (session, scratch) = (Session::start().unwrap(), Scratch::new());
    let directory = scratch.directory().to_owned();
    let failure = opened(&session, &scratch, &band, |_| {
        assert_eq!(files(&directory).len(), 1);
        Err::<(), _>(FuseError::Cancelled)
    });
    assert!(matches!(failure, Err(FuseError::Cancelled)) && files(&directory).is_empty());
    vsi::create_mem_file(scratch.path("output.tif"), vec![1]).unwrap();
    vsi::create_mem_file(scratch.path("output.tif.aux.xml"), vec![1]).unwrap();
    drop(scratch);
    assert_eq!(files(&directory), Vec::<&Path>::new());
}

#[test]
fn memory_is_asked_for_before_it_is_needed() {
    let header = Header {
        width: 10980,
        height: 10980,
        bits: 15,
        components: 1,
        tile_width: 1024,
        tile_height: 1024,
        tiles_across: 11,
        tiles_down: 11,
        largest_tile: 2_000_000,
        object_bytes: 130_000_000,
    };
    let pixels = 3 * 2 * 10980 * 10980;
    let needed = memory_needed(&[header.clone(), header.clone(), header.clone()]);
    assert!(needed > pixels * 7 / 3 && needed < pixels * 4, "{needed}");
    let absurd = Header { width: u32::MAX, height: u32::MAX, ..header };
    assert!(memory_needed(&[absurd.clone(), absurd]) > u64::MAX / 2);
}
