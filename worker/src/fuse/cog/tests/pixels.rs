use std::io;
use std::sync::atomic::AtomicUsize;
use std::thread;

use gdal::raster::{Buffer, ColorInterpretation, GdalType};
use gdal::spatial_ref::SpatialRef;
use gdal::{Dataset, DriverManager, Metadata, vsi};
use proptest::prelude::*;

use super::*;
use crate::fuse::scratch::Scratch;

#[derive(Default)]
struct Memory(Mutex<Vec<u8>>);

impl Output for Memory {
    fn body(&self, bytes: Bytes) -> io::Result<()> {
        lock(&self.0).extend_from_slice(&bytes);
        Ok(())
    }
}

/// An image in planes, band after band.
#[derive(Clone, Debug)]
struct Image {
    shape: Shape,
    samples: Vec<u16>,
}

impl Image {
    fn new(
        width: u32,
        height: u32,
        bands: usize,
        mut sample: impl FnMut(u32, u32, u32) -> u16,
    ) -> Self {
        let shape = Shape {
            width,
            height,
            bands,
            sample_type: SampleType::U16,
        };
        let bands = 0..u32::try_from(bands).unwrap();
        let samples = bands
            .flat_map(|band| (0..height).flat_map(move |y| (0..width).map(move |x| (x, y, band))));
        Self {
            shape,
            samples: samples.map(|(x, y, band)| sample(x, y, band)).collect(),
        }
    }

    /// Looks like a scene: smooth, with noise, an edge of nodata and holes in it.
    fn scene(width: u32, height: u32, bands: usize) -> Self {
        Self::new(width, height, bands, |x, y, band| {
            let noise = (x ^ y.rotate_left(7))
                .wrapping_mul(2_654_435_761)
                .wrapping_add(band)
                >> 25;
            let lit = 400 + (x * 3 + y * 5 + x * y / 97) % 5000 + noise;
            let is_hole = x + 2 * y < width / 3 + band || noise == 3;
            if is_hole {
                0
            } else {
                u16::try_from(lit).unwrap()
            }
        })
    }

    fn narrow(mut self) -> Self {
        self.shape.sample_type = SampleType::U8;
        self.samples.iter_mut().for_each(|sample| *sample %= 256);
        self
    }

    fn plane(&self, band: usize) -> &[u16] {
        let plane = self.samples.len() / self.shape.bands;
        &self.samples[band * plane..][..plane]
    }

    fn chunk(&self, column: u32, row: u32) -> Vec<Vec<u16>> {
        let Shape {
            width,
            height,
            bands,
            ..
        } = self.shape;
        let (left, top) = (column * CHUNK, row * CHUNK);
        let (right, bottom) = (width.min(left + CHUNK), height.min(top + CHUNK));
        let row =
            |band, y| &self.plane(band)[(y * width + left) as usize..(y * width + right) as usize];
        (0..bands)
            .map(|band| (top..bottom).flat_map(|y| row(band, y)).copied().collect())
            .collect()
    }

    fn chunks(&self) -> Vec<(u32, u32)> {
        let across = self.shape.width.div_ceil(CHUNK);
        (0..self.shape.height.div_ceil(CHUNK))
            .flat_map(|row| (0..across).map(move |column| (column, row)))
            .collect()
    }
}

fn utm() -> GeoTags {
    let system = SpatialRef::from_epsg(32629).unwrap();
    GeoTags::new(&system, &[499_980.0, 10.0, 0.0, 5_900_040.0, 0.0, -10.0]).unwrap()
}

fn description(bands: usize) -> Description {
    Description {
        names: (1..=bands).map(|band| format!("B{band:02}")).collect(),
        metadata: vec![
            ("TILE".into(), "29UNU".into()),
            ("REMARK".into(), "a & b < \"c\" &amp; ü".into()),
            ("TIFFTAG_SOFTWARE".into(), "tilefleet".into()),
        ],
        georeference: utm(),
    }
}

/// The file, and what the writer said about it.
fn write(
    image: &Image,
    compression: Compression,
    order: &[(u32, u32)],
    threads: usize,
) -> (Vec<u8>, Finished) {
    let output = Memory::default();
    let writer = CogWriter::new(image.shape, compression, &output);
    let next = AtomicUsize::new(0);
    thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                let mut scratch = ChunkScratch::new();
                while let Some(&(column, row)) = order.get(next.fetch_add(1, Ordering::Relaxed)) {
                    writer
                        .chunk(column, row, &mut image.chunk(column, row), &mut scratch)
                        .unwrap();
                }
            });
        }
    });
    let finished = writer.finish(&description(image.shape.bands)).unwrap();
    let body = output.0.into_inner().unwrap();
    assert_eq!(body.len() as u64, finished.body_bytes);
    let mut file = finished.head.concat();
    assert_eq!(file.len() % 4096, 0);
    file.extend(body);
    (file, finished)
}

fn written(image: &Image, compression: Compression) -> Vec<u8> {
    write(image, compression, &image.chunks(), 1).0
}

fn reopened<R>(bytes: &[u8], look: impl FnOnce(&Dataset) -> R) -> R {
    let scratch = Scratch::new();
    let path = scratch.path("cog.tif");
    vsi::create_mem_file(&path, bytes.to_vec()).unwrap();
    look(&Dataset::open(&path).unwrap())
}

/// What GDAL makes of a band: the levels, the full resolution first.
fn levels_by_gdal<T: GdalType + Copy + TryFrom<u16> + Into<u16>>(
    image: &Image,
    band: usize,
) -> Vec<Vec<u16>> {
    let scratch = Scratch::new();
    let path = scratch.path("expected.tif");
    let size = (image.shape.width as usize, image.shape.height as usize);
    let driver = DriverManager::get_driver_by_name("GTiff").unwrap();
    let mut dataset = driver
        .create_with_band_type::<T, _>(&path, size.0, size.1, 1)
        .unwrap();
    let samples = image
        .plane(band)
        .iter()
        .map(|&sample| T::try_from(sample).ok().unwrap())
        .collect();
    let mut raster = dataset.rasterband(1).unwrap();
    raster.set_no_data_value(Some(0.0)).unwrap();
    raster
        .write((0, 0), size, &mut Buffer::new(size, samples))
        .unwrap();
    dataset.flush_cache().unwrap();
    let factors: Vec<i32> = pyramid::levels(&image.shape)
        .iter()
        .skip(1)
        .map(|level| level.factor.cast_signed())
        .collect();
    if !factors.is_empty() {
        dataset.build_overviews("AVERAGE", &factors, &[]).unwrap();
    }
    levels::<T>(&dataset, 1)
}

fn levels<T: GdalType + Copy + Into<u16>>(dataset: &Dataset, band: usize) -> Vec<Vec<u16>> {
    let band = dataset.rasterband(band).unwrap();
    let wide = |samples: Buffer<T>| samples.data().iter().map(|&sample| sample.into()).collect();
    let overviews = (0..usize::try_from(band.overview_count().unwrap()).unwrap())
        .map(|level| wide(band.overview(level).unwrap().read_band_as().unwrap()));
    let full = wide(band.read_band_as().unwrap());
    std::iter::once(full).chain(overviews).collect()
}

fn assert_same_pixels(image: &Image, file: &[u8]) {
    reopened(file, |dataset| {
        for band in 0..image.shape.bands {
            let (read, expected) = match image.shape.sample_type {
                SampleType::U8 => (
                    levels::<u8>(dataset, band + 1),
                    levels_by_gdal::<u8>(image, band),
                ),
                SampleType::U16 => (
                    levels::<u16>(dataset, band + 1),
                    levels_by_gdal::<u16>(image, band),
                ),
            };
            assert_eq!(read.len(), expected.len(), "overviews");
            assert!(read[0] == image.plane(band), "band {band} has other pixels");
            for (level, (read, expected)) in read.iter().zip(&expected).enumerate() {
                let wrong = read
                    .iter()
                    .zip(expected)
                    .position(|(read, expected)| read != expected);
                let wrong = wrong.map(|at| (at, read[at], expected[at]));
                assert_eq!(
                    wrong, None,
                    "band {band}, level {level}: position, ours, GDAL's"
                );
            }
        }
    });
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
        let image = image.narrow();
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
        (1, 1000, 1),
        (2, 2, 1),
        (33, 2, 4),
        (1025, 3, 1),
    ] {
        let image = Image::scene(width, height, bands);
        assert_same_pixels(&image, &written(&image, Compression::None));
    }
}

/// Small values make means that lie exactly between two integers.
fn images() -> impl Strategy<Value = Image> {
    let side = || prop_oneof![1_u32..70, 1000_u32..1100];
    let values = prop_oneof![Just(2_u32), Just(4), Just(255), Just(65_535)];
    (
        side(),
        side(),
        values,
        0_u32..100,
        any::<u32>(),
        any::<bool>(),
    )
        .prop_map(|(width, height, values, holes, seed, narrow)| {
            let image = Image::new(width, height, 1, |x, y, _| {
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
            });
            if narrow { image.narrow() } else { image }
        })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn overviews_are_those_of_gdal_to_the_last_tie(image in images()) {
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
        let (expected, _) = write(&image, compression, &in_order, 1);
        let backwards: Vec<_> = in_order.iter().copied().rev().collect();
        let mut by_column = in_order.clone();
        by_column.sort_unstable();
        for order in [in_order, backwards, by_column] {
            assert!(write(&image, compression, &order, 1).0 == expected);
            assert!(write(&image, compression, &order, 3).0 == expected);
        }
    }
}

#[test]
fn the_file_says_what_and_where_it_is() {
    let image = Image::scene(600, 520, 3);
    let (file, finished) = write(&image, Compression::default(), &image.chunks(), 1);
    reopened(&file, |dataset| {
        let structure = |key| dataset.metadata_item(key, "IMAGE_STRUCTURE");
        assert_eq!(structure("LAYOUT").as_deref(), Some("COG"));
        assert_eq!(structure("COMPRESSION").as_deref(), Some("DEFLATE"));
        assert_eq!(structure("INTERLEAVE").as_deref(), Some("PIXEL"));
        for (key, value) in description(3).metadata {
            assert_eq!(dataset.metadata_item(&key, ""), Some(value));
        }
        assert_eq!(
            dataset.spatial_ref().unwrap().authority().unwrap(),
            "EPSG:32629"
        );
        let expected = [499_980.0_f64, 10.0, 0.0, 5_900_040.0, 0.0, -10.0];
        assert_eq!(
            dataset.geo_transform().unwrap().map(f64::to_bits),
            expected.map(f64::to_bits)
        );
        let colours = [
            ColorInterpretation::RedBand,
            ColorInterpretation::GreenBand,
            ColorInterpretation::BlueBand,
        ];
        for (index, colour) in (1..).zip(colours) {
            let band = dataset.rasterband(index).unwrap();
            assert_eq!(band.description().unwrap(), format!("B{index:02}"));
            assert_eq!(band.no_data_value(), Some(0.0));
            assert_eq!(band.color_interpretation(), colour);
            assert_eq!(band.block_size(), (512, 512));
            for (key, value) in finished.statistics[index - 1].items() {
                assert_eq!(band.metadata_item(key, ""), Some(value));
            }
        }
    });
}

#[test]
fn nothing_but_nodata_is_an_image_too() {
    let image = Image::new(1300, 70, 2, |_, _, _| 0);
    let (file, finished) = write(
        &image,
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
            assert_eq!(dataset.rasterband(1).unwrap().block_size(), (256, 256))
        });
        assert_same_pixels(&image, &file);
    }
}

#[test]
fn wrong_chunks_are_refused_and_missing_ones_noticed() {
    let image = Image::scene(1500, 100, 1);
    let output = Memory::default();
    let refused = |column, row, planes: &mut [Vec<u16>]| {
        let writer = CogWriter::new(image.shape, Compression::None, &output);
        let mut scratch = ChunkScratch::new();
        writer
            .chunk(0, 0, &mut image.chunk(0, 0), &mut scratch)
            .unwrap();
        let error = writer
            .chunk(column, row, planes, &mut scratch)
            .unwrap_err()
            .to_string();
        assert!(matches!(
            writer.chunk(1, 0, &mut image.chunk(1, 0), &mut scratch),
            Err(CogError::Abandoned)
        ));
        error
    };
    assert!(refused(2, 0, &mut [vec![1]]).contains("lies outside of the image"));
    assert!(refused(0, 0, &mut image.chunk(0, 0)).contains("came twice"));
    assert!(refused(1, 0, &mut [vec![1; 7]]).contains("has 7 samples instead of 47600 in a band"));
    assert!(refused(1, 0, &mut [vec![1], vec![1]]).contains("has 2 bands instead of 1"));

    let writer = CogWriter::new(image.shape, Compression::None, &output);
    writer
        .chunk(0, 0, &mut image.chunk(0, 0), &mut ChunkScratch::new())
        .unwrap();
    let error = writer.finish(&description(1)).unwrap_err().to_string();
    assert_eq!(
        error,
        "the chunk at column 1, row 0 has not come; report this as a bug"
    );
}

#[test]
fn an_output_that_fails_stops_everything() {
    struct Full;
    impl Output for Full {
        fn body(&self, _: Bytes) -> io::Result<()> {
            Err(io::Error::from(io::ErrorKind::StorageFull))
        }
    }
    let image = Image::scene(1500, 100, 1);
    let writer = CogWriter::new(image.shape, Compression::None, &Full);
    let mut scratch = ChunkScratch::new();
    // Its tiles wait for those on their left.
    writer
        .chunk(1, 0, &mut image.chunk(1, 0), &mut scratch)
        .unwrap();
    let error = writer
        .chunk(0, 0, &mut image.chunk(0, 0), &mut scratch)
        .unwrap_err();
    assert!(matches!(error, CogError::Output(error) if error.kind() == io::ErrorKind::StorageFull));
    assert!(matches!(
        writer.finish(&description(1)),
        Err(CogError::Chunk { .. } | CogError::Abandoned)
    ));
}

#[test]
fn items_that_no_tag_can_take_are_refused() {
    let image = Image::scene(40, 40, 1);
    let output = Memory::default();
    let writer = CogWriter::new(image.shape, Compression::None, &output);
    writer
        .chunk(0, 0, &mut image.chunk(0, 0), &mut ChunkScratch::new())
        .unwrap();
    let metadata = vec![("TIFFTAG_XRESOLUTION".into(), "72".into())];
    let error = writer
        .finish(&Description {
            metadata,
            ..description(1)
        })
        .unwrap_err()
        .to_string();
    assert!(error.starts_with(
        "the metadata item TIFFTAG_XRESOLUTION cannot be written to a TIFF: text can be in"
    ));
}
