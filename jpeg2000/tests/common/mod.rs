//! Files to decode, made and read by GDAL's `JP2OpenJPEG` driver, which is what the decoder is held
//! against.
#![allow(dead_code, reason = "each test binary uses a part of it")]

use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use gdal::raster::{Buffer, RasterCreationOptions};
use gdal::{Dataset, DatasetOptions, DriverManager, GdalOpenFlags, vsi};
use proptest::test_runner::{Config as ProptestConfig, RngSeed};
use tilefleet_jpeg2000::{Error, Flaw, FlawKind, Image, TileDecoder, Tiles};

/// Samples row by row.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Raster {
    pub(crate) width: usize,
    pub(crate) height: usize,
    pub(crate) samples: Vec<u16>,
}

impl std::fmt::Debug for Raster {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{}x{} samples", self.width, self.height)
    }
}

impl Raster {
    /// Where two rasters of one size differ first: column, row, and both samples.
    pub(crate) fn difference(&self, other: &Self) -> Option<(usize, usize, u16, u16)> {
        assert_eq!((self.width, self.height), (other.width, other.height));
        let mut pairs = self.samples.iter().zip(&other.samples);
        let place = pairs.position(|(one, other)| one != other)?;
        Some((
            place % self.width,
            place / self.width,
            self.samples[place],
            other.samples[place],
        ))
    }
}

/// A name in GDAL's in-memory file system, which all threads of the process share.
struct MemoryFile(String);

impl MemoryFile {
    fn new() -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        Self(format!(
            "/vsimem/jpeg2000-{}.jp2",
            NEXT.fetch_add(1, Ordering::Relaxed)
        ))
    }
}

impl Drop for MemoryFile {
    fn drop(&mut self) {
        let _ = vsi::unlink_mem_file(&self.0);
    }
}

/// Encodes samples of `bits` bits with the creation options of the driver.
///
/// # Errors
/// What GDAL says about combinations it refuses.
pub(crate) fn encode(
    raster: &Raster,
    bits: u8,
    options: &[String],
) -> Result<Bytes, gdal::errors::GdalError> {
    let memory = DriverManager::get_driver_by_name("MEM")?;
    let shape = (raster.width, raster.height);
    let source = if bits <= 8 {
        let source = memory.create_with_band_type::<u8, _>("", raster.width, raster.height, 1)?;
        let samples = raster
            .samples
            .iter()
            .map(|&sample| u8::try_from(sample).expect("8 bits"))
            .collect();
        source
            .rasterband(1)?
            .write((0, 0), shape, &mut Buffer::new(shape, samples))?;
        source
    } else {
        let source = memory.create_with_band_type::<u16, _>("", raster.width, raster.height, 1)?;
        source.rasterband(1)?.write(
            (0, 0),
            shape,
            &mut Buffer::new(shape, raster.samples.clone()),
        )?;
        source
    };
    let depth = (!matches!(bits, 8 | 16)).then(|| format!("NBITS={bits}"));
    let fixed = ["CODEC=JP2", "REVERSIBLE=YES", "PROFILE=UNRESTRICTED"].map(str::to_owned);
    let options: RasterCreationOptions = fixed
        .iter()
        .chain(options)
        .chain(&depth)
        .map(String::as_str)
        .collect();
    let target = MemoryFile::new();
    source
        .create_copy(
            &DriverManager::get_driver_by_name("JP2OpenJPEG")?,
            &target.0,
            &options,
        )?
        .close()?;
    Ok(vsi::get_vsi_mem_file_bytes_owned(&target.0)?.into())
}

/// What GDAL makes of a file with one band.
pub(crate) fn decoded_by_gdal(file: &[u8]) -> Result<Raster, gdal::errors::GdalError> {
    let place = MemoryFile::new();
    let mut copy = file.to_vec();
    let memory = vsi::create_mem_file_from_ref(&place.0, &mut copy)?;
    let options = DatasetOptions {
        open_flags: GdalOpenFlags::GDAL_OF_RASTER | GdalOpenFlags::GDAL_OF_INTERNAL,
        allowed_drivers: Some(&["JP2OpenJPEG"]),
        sibling_files: Some(&[]),
        ..DatasetOptions::default()
    };
    let dataset = Dataset::open_ex(&place.0, options)?;
    let shape = dataset.raster_size();
    let band = dataset.rasterband(1)?;
    let samples = band
        .read_as::<u16>((0, 0), shape, shape, None)?
        .data()
        .to_vec();
    drop(dataset);
    drop(memory);
    Ok(Raster {
        width: shape.0,
        height: shape.1,
        samples,
    })
}

/// Samples of the largest image that a damaged header may make a test allocate memory for.
pub(crate) const DAMAGED_LIMIT: usize = 1 << 24;

/// What this decoder makes of a file of up to `limit` samples, and in which order the tiles came.
pub(crate) fn decoded_within(limit: usize, file: &Bytes) -> Result<(Raster, Vec<u32>), Error> {
    let unsupported = |detail: &str| {
        Error::from(Flaw {
            kind: FlawKind::Unsupported,
            offset: 0,
            detail: detail.to_owned(),
        })
    };
    let image = Image::read(file)?;
    if let Some(reason) = image.outside_profile() {
        return Err(unsupported(reason));
    }
    let (width, height) = (image.width() as usize, image.height() as usize);
    if width.saturating_mul(height) > limit {
        return Err(unsupported("it is larger than the test allows"));
    }
    // A value that a tile which is not written to leaves behind.
    let mut samples = vec![0xabcd; width * height];
    let mut order = Vec::new();
    let mut decoder = TileDecoder::new();
    let mut tiles = Tiles::new(&image);
    while let Some(tile) = tiles.next(file)? {
        let (x, y, ..) = image.tile_rect(tile.index);
        let first = y as usize * width + x as usize;
        decoder.decode(
            &image,
            tile.index,
            &parts(file, &tile.parts),
            &mut samples[first..],
            width,
            &|| false,
        )?;
        order.push(tile.index);
    }
    Ok((
        Raster {
            width,
            height,
            samples,
        },
        order,
    ))
}

/// What this decoder makes of a whole file, and in which order the tiles came.
pub(crate) fn decoded(file: &Bytes) -> Result<(Raster, Vec<u32>), Error> {
    decoded_within(usize::MAX, file)
}

/// The bytes of tile-parts.
pub(crate) fn parts(file: &Bytes, ranges: &[Range<u64>]) -> Vec<(u64, Bytes)> {
    let at = |offset: u64| usize::try_from(offset).expect("the file is in memory");
    ranges
        .iter()
        .map(|range| (range.start, file.slice(at(range.start)..at(range.end))))
        .collect()
}

/// What the samples of a test look like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Content {
    /// A smooth surface with some noise on it.
    Land,
    /// Land, and nothing but zeros in the lower right.
    Edge,
    /// Every sample at random, over the whole range.
    Noise,
    Zeros,
    /// All samples at the top of the range.
    Full,
}

/// Samples of `bits` bits, the same for the same arguments.
pub(crate) fn raster(content: Content, width: usize, height: usize, bits: u8, seed: u64) -> Raster {
    let most = (1_u64 << bits) - 1;
    let random = |place: u64| {
        // SplitMix64.
        let mut value = (seed ^ place)
            .wrapping_add(0x9e37_79b9_7f4a_7c15)
            .wrapping_mul(0xbf58_476d_1ce4_e5b9);
        value = (value ^ value >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        value ^ value >> 31
    };
    let land = |x: u64, y: u64| {
        most / 4 + (x * 3 + y * 5) % (most / 2 + 1) + random(x << 32 | y) % (most / 32 + 2)
    };
    let sample = |x: u64, y: u64| match content {
        Content::Edge if 2 * x + y > (width + height) as u64 / 2 => 0,
        Content::Land | Content::Edge => land(x, y),
        Content::Noise => random(x << 32 | y) & most,
        Content::Zeros => 0,
        Content::Full => most,
    };
    let rows = 0..height as u64;
    let samples = rows.flat_map(|y| (0..width as u64).map(move |x| (x, y)));
    let samples = samples
        .map(|(x, y)| u16::try_from(sample(x, y).min(most)).expect("16 bits"))
        .collect();
    Raster {
        width,
        height,
        samples,
    }
}

/// `few` cases that are always the same, or as many new ones as `PROPTEST_CASES` says.
pub(crate) fn cases(few: u32) -> ProptestConfig {
    let config = ProptestConfig {
        failure_persistence: None,
        ..ProptestConfig::default()
    };
    if std::env::var_os("PROPTEST_CASES").is_some() {
        return config;
    }
    ProptestConfig {
        cases: few,
        rng_seed: RngSeed::Fixed(1),
        ..config
    }
}
