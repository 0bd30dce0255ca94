//! Images, and the files that the writer and GDAL make of them.

use std::io;
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use bytes::Bytes;
use gdal::raster::Buffer;
use gdal::spatial_ref::SpatialRef;
use gdal::{Dataset, DriverManager, vsi};

use crate::cog::overviews;
use crate::cog::{
    CHUNK, ChunkScratch, CogSample, CogWriter, Compression, Description, Finished, GeoTags,
    Overviews, Shape,
};
use crate::gdal::MemoryFolder;
use crate::output::Output;
use crate::sample::Nodata;

#[derive(Default)]
pub(super) struct Memory(Mutex<Vec<u8>>);

impl Output for Memory {
    fn body(&self, bytes: Bytes) -> io::Result<()> {
        self.0.lock().unwrap().extend_from_slice(&bytes);
        Ok(())
    }
}

/// An image in planes, band after band.
#[derive(Clone, Debug)]
pub(super) struct Image<T> {
    pub(super) shape: Shape,
    pub(super) samples: Vec<T>,
}

impl Image<u16> {
    /// Of samples of 16 bits; 0 is nodata.
    pub(super) fn new(
        width: u32,
        height: u32,
        bands: usize,
        mut sample: impl FnMut(u32, u32, u32) -> u16,
    ) -> Self {
        let shape = Shape {
            width,
            height,
            bands,
            nodata: Nodata::U16(0),
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
    pub(super) fn scene(width: u32, height: u32, bands: usize) -> Self {
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
}

impl<T: CogSample> Image<T> {
    /// The same image in samples of another type.
    pub(super) fn map<U: CogSample>(&self, nodata: Nodata, sample: impl Fn(T) -> U) -> Image<U> {
        Image {
            shape: Shape {
                nodata,
                ..self.shape
            },
            samples: self.samples.iter().map(|&it| sample(it)).collect(),
        }
    }

    pub(super) fn plane(&self, band: usize) -> &[T] {
        let plane = self.samples.len() / self.shape.bands;
        &self.samples[band * plane..][..plane]
    }

    pub(super) fn chunk(&self, column: u32, row: u32) -> Vec<Vec<T>> {
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

    pub(super) fn chunks(&self) -> Vec<(u32, u32)> {
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

pub(super) fn description(bands: usize) -> Description {
    Description {
        names: (1..=bands).map(|band| format!("B{band:02}")).collect(),
        metadata: vec![
            ("TILE".into(), "29UNU".into()),
            ("REMARK".into(), "a & b < \"c\" &amp; ü".into()),
            ("TIFFTAG_SOFTWARE".into(), "tilefleet".into()),
        ],
        georeference: utm(),
        ..Description::default()
    }
}

/// The file, and what the writer said about it.
pub(super) fn write<T: CogSample>(
    image: &Image<T>,
    overviews: Overviews,
    compression: Compression,
    order: &[(u32, u32)],
    threads: usize,
) -> (Vec<u8>, Finished) {
    let output = Memory::default();
    let writer = CogWriter::<T>::new(image.shape, overviews, compression, &output).unwrap();
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

pub(super) fn written<T: CogSample>(image: &Image<T>, compression: Compression) -> Vec<u8> {
    write(image, Overviews::Average, compression, &image.chunks(), 1).0
}

pub(super) fn reopened<R>(bytes: &[u8], look: impl FnOnce(&Dataset) -> R) -> R {
    let folder = MemoryFolder::new();
    let path = folder.path("cog.tif");
    vsi::create_mem_file(&path, bytes.to_vec()).unwrap();
    look(&Dataset::open(&path).unwrap())
}

/// A band as GDAL writes it, with the overviews that it makes, named as in `gdaladdo -r`.
pub(super) fn by_gdal<T: CogSample, R>(
    image: &Image<T>,
    band: usize,
    overviews: Overviews,
    look: impl FnOnce(&Dataset, &Path) -> R,
) -> R {
    let folder = MemoryFolder::new();
    let path = folder.path("expected.tif");
    let size = (image.shape.width as usize, image.shape.height as usize);
    let driver = DriverManager::get_driver_by_name("GTiff").unwrap();
    let mut dataset = driver
        .create_with_band_type::<T, _>(&path, size.0, size.1, 1)
        .unwrap();
    let samples = image.plane(band).to_vec();
    let mut raster = dataset.rasterband(1).unwrap();
    raster
        .set_no_data_value(Some(image.shape.nodata.value()))
        .unwrap();
    raster
        .write((0, 0), size, &mut Buffer::new(size, samples))
        .unwrap();
    dataset.flush_cache().unwrap();
    let factors: Vec<i32> = overviews::levels(&image.shape)
        .iter()
        .skip(1)
        .map(|level| level.factor.cast_signed())
        .collect();
    if !factors.is_empty() {
        let method = overviews.to_string().to_uppercase();
        dataset.build_overviews(&method, &factors, &[]).unwrap();
    }
    look(&dataset, &path)
}

/// The samples of a band at all levels, the full resolution first.
pub(super) fn levels<T: CogSample>(dataset: &Dataset, band: usize) -> Vec<Vec<T>> {
    let band = dataset.rasterband(band).unwrap();
    let overviews = (0..usize::try_from(band.overview_count().unwrap()).unwrap())
        .map(|level| band.overview(level).unwrap().read_band_as().unwrap());
    let full = band.read_band_as().unwrap();
    let samples = |samples: Buffer<T>| samples.data().to_vec();
    std::iter::once(full)
        .chain(overviews)
        .map(samples)
        .collect()
}

/// Fails unless all levels are those of GDAL, as far as `is_same` says.
pub(super) fn assert_levels<T: CogSample>(
    image: &Image<T>,
    overviews: Overviews,
    file: &[u8],
    is_same: impl Fn(T, T) -> bool,
) {
    reopened(file, |dataset| {
        for band in 0..image.shape.bands {
            let read = levels::<T>(dataset, band + 1);
            let expected = by_gdal(image, band, overviews, |dataset, _| levels::<T>(dataset, 1));
            assert_eq!(read.len(), expected.len(), "overviews");
            let same_bits = |(one, other): (&T, &T)| format!("{one:?}") == format!("{other:?}");
            let same = read[0].len() == image.plane(band).len()
                && read[0].iter().zip(image.plane(band)).all(same_bits);
            assert!(same, "band {band} has other pixels");
            for (level, (read, expected)) in read.iter().zip(&expected).enumerate() {
                let wrong = read
                    .iter()
                    .zip(expected)
                    .position(|(&read, &expected)| !is_same(read, expected));
                let wrong = wrong.map(|at| (at, read[at], expected[at]));
                assert_eq!(
                    wrong.map(|wrong| format!("{wrong:?}")),
                    None,
                    "{:?}, {overviews}, band {band}, level {level}: position, ours, GDAL's",
                    image.shape
                );
            }
        }
    });
}
