use std::io;
use std::ops::Range;
use std::sync::Mutex;

use gdal::raster::{Buffer, ColorInterpretation, GdalType, RasterCreationOptions};
use gdal::spatial_ref::SpatialRef;
use gdal::{Dataset, DriverManager, Metadata, vsi};

use super::chunks::Chunks;
use super::grid::{Grid, Rect};
use super::input::{Desk, TileReader};
use super::scratch::Scratch;
use super::*;

/// What a generated band looks like; `code` and `transform` are left out for one without a
/// georeference.
#[derive(Clone, Debug)]
struct Scene {
    size: (usize, usize),
    tile: u32,
    code: Option<u32>,
    origin: (f64, f64),
    bands: usize,
}

impl Default for Scene {
    fn default() -> Self {
        Self {
            size: (300, 200),
            tile: 64,
            code: Some(32629),
            origin: (499_980.0, 5_900_040.0),
            bands: 1,
        }
    }
}

fn memory<T: GdalType + Copy>(scene: &Scene, samples: &[T]) -> Dataset {
    let (width, height) = scene.size;
    let driver = DriverManager::get_driver_by_name("MEM").unwrap();
    let mut dataset = driver
        .create_with_band_type::<T, _>("", width, height, scene.bands)
        .unwrap();
    if let Some(code) = scene.code {
        dataset
            .set_spatial_ref(&SpatialRef::from_epsg(code).unwrap())
            .unwrap();
        dataset
            .set_geo_transform(&[scene.origin.0, 10.0, 0.0, scene.origin.1, 0.0, -10.0])
            .unwrap();
    }
    for index in 1..=scene.bands {
        let mut buffer = Buffer::new(scene.size, samples.to_vec());
        dataset
            .rasterband(index)
            .unwrap()
            .write((0, 0), scene.size, &mut buffer)
            .unwrap();
    }
    dataset
}

fn jp2<T: GdalType + Copy>(scene: &Scene, samples: &[T]) -> Vec<u8> {
    jp2_with(
        scene,
        samples,
        &[("QUALITY", "100"), ("REVERSIBLE", "YES"), ("PLT", "YES")],
    )
}

fn jp2_with<T: GdalType + Copy>(scene: &Scene, samples: &[T], more: &[(&str, &str)]) -> Vec<u8> {
    let tile = scene.tile.to_string();
    let options = [&[("BLOCKXSIZE", &*tile), ("BLOCKYSIZE", &*tile)], more].concat();
    encoded(scene, samples, "JP2OpenJPEG", &options)
}

fn encoded<T: GdalType + Copy>(
    scene: &Scene,
    samples: &[T],
    driver: &str,
    items: &[(&str, &str)],
) -> Vec<u8> {
    let scratch = Scratch::new();
    let path = scratch.path(if driver == "JP2OpenJPEG" {
        "scene.jp2"
    } else {
        "scene.tif"
    });
    let mut options = RasterCreationOptions::new();
    for (key, value) in items {
        options.set_name_value(key, value).unwrap();
    }
    let driver = DriverManager::get_driver_by_name(driver).unwrap();
    memory(scene, samples)
        .create_copy(&driver, &path, &options)
        .unwrap()
        .close()
        .unwrap();
    vsi::get_vsi_mem_file_bytes_owned(&path).unwrap()
}

fn band(name: &str, bytes: Vec<u8>) -> Band {
    let bytes = Arc::new(Bytes::from(bytes));
    Band {
        name: name.into(),
        source: format!("s3://b/k/{name}.jp2"),
        bytes,
    }
}

/// Samples without a pattern that a wrong tile or a swapped row would repeat, with nodata in the
/// upper left.
fn samples(scene: &Scene, seed: u32) -> Vec<u16> {
    let (width, height) = (
        u32::try_from(scene.size.0).unwrap(),
        u32::try_from(scene.size.1).unwrap(),
    );
    let sample = |x: u32, y: u32| {
        let lit = (x * 7 + y * 13 + x * y / 5 + seed * 31) % 9000 + 1;
        if x + 2 * y < width / 3 {
            0
        } else {
            u16::try_from(lit).unwrap()
        }
    };
    (0..height)
        .flat_map(|y| (0..width).map(move |x| sample(x, y)))
        .collect()
}

fn rgb(scene: &Scene) -> Vec<Band> {
    let names = ["B04", "B03", "B02"].into_iter().zip(1..);
    names
        .map(|(name, seed)| band(name, jp2(scene, &samples(scene, seed))))
        .collect()
}

#[derive(Default)]
struct Body(Mutex<Vec<u8>>);

impl Output for Body {
    fn body(&self, bytes: Bytes) -> io::Result<()> {
        self.0.lock().unwrap().extend_from_slice(&bytes);
        Ok(())
    }
}

/// A COG with its whole file.
#[derive(Debug)]
struct Fused {
    cog: Cog,
    bytes: Vec<u8>,
}

fn request(bands: &[Band], threads: usize) -> Request {
    let metadata = vec![("TILE".to_owned(), "29UNU".to_owned())];
    Request {
        bands: bands.to_vec(),
        compression: Compression::Deflate { level: 1 },
        metadata,
        threads,
    }
}

fn try_fuse_with(bands: &[Band], threads: usize) -> Result<Fused, FuseError> {
    let (body, cancel) = (Body::default(), Cancel::new());
    let cog = prepare(request(bands, threads), &cancel)?.run(&body, &|_| (), &cancel)?;
    let body = body.0.into_inner().unwrap();
    assert_eq!(cog.body_bytes, body.len() as u64);
    let bytes = cog.head.iter().flatten().copied().chain(body).collect();
    Ok(Fused { cog, bytes })
}

fn try_fuse(bands: &[Band]) -> Result<Fused, FuseError> {
    try_fuse_with(bands, 2)
}

fn error(bands: &[Band]) -> (&'static str, String) {
    let error = try_fuse(bands)
        .map(|fused| fused.bytes.len())
        .expect_err("these bands cannot be fused");
    (error.code(), error.to_string())
}

/// All samples of a band of the output.
fn read_band(bytes: &[u8], band: usize) -> Vec<u16> {
    reopened(bytes, |dataset| {
        dataset
            .rasterband(band)
            .unwrap()
            .read_band_as::<u16>()
            .unwrap()
            .data()
            .to_vec()
    })
}

fn reopened<R>(bytes: &[u8], look: impl FnOnce(&Dataset) -> R) -> R {
    let scratch = Scratch::new();
    let path = scratch.path("cog.tif");
    vsi::create_mem_file(&path, bytes.to_vec()).unwrap();
    look(&Dataset::open(&path).unwrap())
}

fn assert_repeats(scene: &Scene, fused: &Fused) {
    reopened(&fused.bytes, |dataset| {
        assert_eq!(dataset.raster_size(), scene.size)
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
fn geotiffs_outside_the_profile_are_refused_by_name() {
    let scene = Scene::default();
    let tiff = |options: &[(&str, &str)]| encoded(&scene, &samples(&scene, 1), "GTiff", options);
    let with_nodata = |value: f64| {
        let scratch = Scratch::new();
        let path = scratch.path("nodata.tif");
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
            "its nodata value is 65535",
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
            "it has pixels",
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

    let scratch = Scratch::new();
    let path = scratch.path("expected.tif");
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
            "band B03 (s3://b/k/B03.jp2) {expected}; name bands of one resolution of one product"
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

#[test]
fn the_headers_are_all_that_is_read_to_prepare() {
    let scene = Scene {
        size: (1500, 1500),
        tile: 512,
        ..Scene::default()
    };
    let tiff = encoded(&scene, &samples(&scene, 1), "COG", &[("COMPRESS", "NONE")]);
    for bytes in [jp2(&scene, &samples(&scene, 1)), tiff] {
        let length = bytes.len() as u64;
        let source = Arc::new(Watched {
            bytes: bytes.into(),
            read: Mutex::default(),
            failing: None,
        });
        let band = Band {
            name: "B04".into(),
            source: "here".into(),
            bytes: Arc::<Watched>::clone(&source),
        };
        prepare(request(&[band], 1), &Cancel::new()).unwrap();
        let read = *source.read.lock().unwrap();
        assert!(read < 150_000 && read < length / 3, "{read} of {length}");
    }
}

/// A source that counts what is read, and fails where it is told to.
struct Watched {
    bytes: Bytes,
    read: Mutex<u64>,
    failing: Option<u64>,
}

impl Source for Watched {
    fn len(&self) -> u64 {
        self.bytes.len() as u64
    }

    fn read(&self, range: Range<u64>) -> io::Result<Bytes> {
        *self.read.lock().unwrap() += range.end - range.start;
        if self.failing.is_some_and(|at| range.contains(&at)) {
            return Err(io::Error::new(io::ErrorKind::TimedOut, "the line is dead"));
        }
        self.bytes.read(range)
    }
}

#[test]
fn errors_of_sources_and_outputs_arrive_as_they_are() {
    struct Full;
    impl Output for Full {
        fn body(&self, _bytes: Bytes) -> io::Result<()> {
            Err(io::ErrorKind::StorageFull.into())
        }
    }
    let scene = Scene {
        size: (1500, 1500),
        tile: 512,
        ..Scene::default()
    };
    let cancel = Cancel::new();
    let tiff = encoded(&scene, &samples(&scene, 1), "COG", &[("COMPRESS", "NONE")]);
    for bytes in [jp2(&scene, &samples(&scene, 1)), tiff] {
        let failing = Some(bytes.len() as u64 - 100_000);
        let source = Arc::new(Watched {
            bytes: bytes.into(),
            read: Mutex::default(),
            failing,
        });
        let band = Band {
            name: "B04".into(),
            source: "here".into(),
            bytes: source,
        };
        let prepared = prepare(request(&[band], 2), &cancel).unwrap();
        let failure = prepared
            .run(&Body::default(), &|_| (), &cancel)
            .unwrap_err();
        assert!(!failure.is_permanent());
        let FuseError::Read { input, error } = failure else {
            panic!("{failure:?}")
        };
        assert_eq!(
            (input.band.as_str(), error.kind()),
            ("B04", io::ErrorKind::TimedOut)
        );
    }
    let prepared = prepare(request(&rgb(&scene), 2), &cancel).unwrap();
    let failure = prepared.run(&Full, &|_| (), &cancel).unwrap_err();
    assert!(
        matches!(failure, FuseError::Write { error } if error.kind() == io::ErrorKind::StorageFull)
    );
}

#[test]
fn cancelling_stops_the_work_before_the_next_tile() {
    let scene = Scene {
        size: (640, 640),
        ..Scene::default()
    };
    let cancel = Cancel::new();
    let seen = Mutex::new(Vec::new());
    let progress = |progress: Progress| {
        seen.lock().unwrap().push(progress);
        cancel.cancel();
    };
    let prepared = prepare(request(&rgb(&scene), 1), &cancel).unwrap();
    let failure = prepared
        .run(&Body::default(), &progress, &cancel)
        .unwrap_err();
    assert!(matches!(failure, FuseError::Cancelled));
    assert_eq!(
        *seen.lock().unwrap(),
        [Progress {
            done: 64 * 64,
            total: 3 * 640 * 640
        }]
    );
    assert!(matches!(
        prepare(request(&rgb(&scene), 1), &cancel),
        Err(FuseError::Cancelled)
    ));
}

/// Tiles that hold nothing, and may come to grief.
struct Blank {
    panics: bool,
}

impl TileReader for Blank {
    fn read(
        &self,
        _: u32,
        rect: Rect,
        desk: &mut Desk,
        _: &(dyn Fn() -> bool + Sync),
    ) -> Result<(), FuseError> {
        assert!(!self.panics, "out of order");
        desk.samples = vec![7; usize::try_from(rect.area()).unwrap()];
        Ok(())
    }

    fn finish(&self) -> Result<(), FuseError> {
        Ok(())
    }
}

/// Takes chunks and looks at each of them.
#[derive(Default)]
struct Looker(Mutex<Vec<(u32, u32, usize)>>);

impl ChunkSink for Looker {
    type Scratch = ();

    fn scratch(&self) {}

    fn take(&self, chunk: &mut Chunk, (): &mut ()) -> Result<(), FuseError> {
        assert!(chunk.planes.iter().flatten().all(|&sample| sample == 7));
        self.0.lock().unwrap().push((
            chunk.column,
            chunk.row,
            chunk.planes.iter().map(Vec::len).sum(),
        ));
        Ok(())
    }
}

#[test]
fn every_chunk_comes_once_whatever_the_tiles_are() {
    let layout = Layout {
        width: 2500,
        height: 1100,
        bands: 3,
    };
    let grids = [
        Grid::regular(2500, 1100, 1024, 1024),
        Grid::regular(2500, 1100, 343, 343),
        Grid::regular(2500, 1100, 2500, 1100),
    ];
    let blank = Blank { panics: false };
    let tracks: Vec<_> = grids
        .iter()
        .map(|grid| Track {
            grid,
            tiles: &blank,
        })
        .collect();
    let looker = Looker::default();
    pipeline::run(&tracks, layout, 4, &looker, &|_| (), &Cancel::new()).unwrap();
    let mut seen = looker.0.into_inner().unwrap();
    seen.sort_unstable();
    let sizes = [
        (1024, 1024),
        (1024, 76),
        (1024, 1024),
        (1024, 76),
        (452, 1024),
        (452, 76),
    ];
    let expected: Vec<_> = (0..3_u32)
        .flat_map(|column| (0..2_u32).map(move |row| (column, row)))
        .zip(sizes)
        .map(|((column, row), (width, height))| (column, row, 3 * width * height))
        .collect();
    assert_eq!(seen, expected);
}

#[test]
fn few_chunks_are_open_at_a_time() {
    let layout = Layout {
        width: 5490,
        height: 5490,
        bands: 3,
    };
    let most_open = |tile: u32| {
        let grid = Grid::regular(5490, 5490, tile, tile);
        let chunks = Chunks::new(layout, &[&grid, &grid, &grid], 2);
        let mut samples = Vec::new();
        while let Some(unit) = chunks.take(&mut samples) {
            samples.resize(usize::try_from(unit.rect.area()).unwrap(), 0);
            for chunk in chunks.put(unit, &mut samples).unwrap() {
                chunks.handed_on(chunk);
            }
            chunks.done();
        }
        chunks.most_open()
    };
    assert_eq!(most_open(1024), (1, 3));
    let (most, limit) = most_open(343);
    assert!(most <= limit && limit <= 2 * 6 + 2, "{most} of {limit}");
}

#[test]
fn a_thread_that_panics_fails_the_cell_and_not_the_process() {
    let grid = Grid::regular(3000, 3000, 256, 256);
    let layout = Layout {
        width: 3000,
        height: 3000,
        bands: 2,
    };
    let (blank, panics) = (Blank { panics: false }, Blank { panics: true });
    let tracks = [
        Track {
            grid: &grid,
            tiles: &blank,
        },
        Track {
            grid: &grid,
            tiles: &panics,
        },
    ];
    let failure = pipeline::run(
        &tracks,
        layout,
        3,
        &Looker::default(),
        &|_| (),
        &Cancel::new(),
    )
    .unwrap_err();
    assert_eq!((failure.code(), failure.is_permanent()), ("panic", false));
    assert!(failure.to_string().contains("out of order"), "{failure}");
}

#[test]
fn memory_is_asked_for_before_it_is_needed() {
    let scene = Scene {
        size: (3000, 300),
        tile: 1024,
        ..Scene::default()
    };
    let needed = |scene: &Scene, threads| {
        prepare(request(&rgb(scene), threads), &Cancel::new())
            .unwrap()
            .memory_needed()
    };
    // A chunk of three bands for each thread and one more, and a third of the image.
    let (chunk, image) = (3 * 2 * 1024 * 300, 3 * 2 * 3000 * 300);
    assert!(needed(&scene, 2) > 3 * chunk + image / 3);
    assert!(needed(&scene, 2) < 80 << 20, "{}", needed(&scene, 2));
    assert!(needed(&scene, 3) > needed(&scene, 2));
    let untiled = Scene {
        tile: 4096,
        ..scene
    };
    assert!(
        needed(&untiled, 2)
            > needed(
                &Scene {
                    tile: 1024,
                    ..untiled.clone()
                },
                2
            )
    );
}

#[test]
fn what_is_prepared_can_be_taken_to_another_thread() {
    fn assert_send<T: Send>() {}
    assert_send::<Prepared>();
}
