//! Encodes samples as a JPEG 2000 file with the coding parameters of ESA's 10 m bands, or with
//! others.
//!
//! GDAL's `JP2OpenJPEG` driver makes the codestream; the file around it is ours
//! ([`crate::jp2::boxes`]). One parameter differs from ESA's: `OpenJPEG` always writes two guard
//! bits, and ESA's Kakadu wrote one.

use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};

use gdal::raster::{Buffer, GdalType, RasterCreationOptions};
use gdal::spatial_ref::SpatialRef;
use gdal::{Dataset, Driver, DriverManager, vsi};

use crate::error::{Error, Result};
use crate::georeference::Georeference;
use crate::jp2::{boxes, gml};

/// Rows handed to GDAL at a time, so that a full-size band is in memory twice and not three times.
const ROWS_AT_A_TIME: usize = 256;

/// How a codestream is built. [`Coding::default`] is ESA's 10 m profile.
///
/// Wavelet (5/3 reversible), progression (LRCP) and the single quality layer are fixed, because the
/// files must be lossless.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Coding {
    /// Significant bits of a sample, up to 16.
    pub bits: u8,
    /// Width and height of a tile in pixels; a smaller image gets one tile of its own size.
    pub tile: u32,
    /// Width and height of a code block: a power of two, 4 to 64.
    pub code_block: u32,
    /// Resolutions in the codestream, one more than wavelet decompositions.
    pub resolutions: u32,
    /// Width and height of a precinct on every resolution, a power of two.
    pub precinct: u32,
    /// Packet lengths in every tile-part (PLT, ISO/IEC 15444-1 A.7.3).
    pub packet_lengths: bool,
    /// Tile-part lengths in the main header (TLM, A.7.1): only processing baselines since 2024 have
    /// them.
    pub tile_lengths: bool,
}

impl Default for Coding {
    fn default() -> Self {
        Self {
            bits: 15,
            tile: 1024,
            code_block: 64,
            resolutions: 5,
            precinct: 256,
            packet_lengths: true,
            tile_lengths: false,
        }
    }
}

impl Coding {
    fn creation_options(&self) -> impl Iterator<Item = String> {
        let yes_no = |flag| if flag { "YES" } else { "NO" };
        let precincts =
            vec![format!("{{{0},{0}}}", self.precinct); self.resolutions as usize].join(",");
        // GDAL needs no option for whole bytes.
        let bits = (!self.bits.is_multiple_of(8)).then(|| format!("NBITS={}", self.bits));
        let chosen = [
            format!("BLOCKXSIZE={}", self.tile),
            format!("BLOCKYSIZE={}", self.tile),
            format!("CODEBLOCK_WIDTH={}", self.code_block),
            format!("CODEBLOCK_HEIGHT={}", self.code_block),
            format!("RESOLUTIONS={}", self.resolutions),
            format!("PRECINCTS={precincts}"),
            format!("PLT={}", yes_no(self.packet_lengths)),
            format!("TLM={}", yes_no(self.tile_lengths)),
        ];
        let fixed = [
            "CODEC=J2K",
            "REVERSIBLE=YES",
            "QUALITY=100",
            "PROGRESSION=LRCP",
            "PROFILE=UNRESTRICTED",
            "GeoJP2=NO",
            "GMLJP2=NO",
        ];
        fixed
            .into_iter()
            .map(str::to_owned)
            .chain(bits)
            .chain(chosen)
    }
}

/// Encodes `width` x `height` samples in row order as a JP2 file, losslessly.
///
/// # Errors
///
/// If the samples do not fill the raster or do not fit in [`Coding::bits`], and if GDAL refuses the
/// coding parameters.
pub fn jp2(
    samples: &[u16],
    width: u32,
    height: u32,
    georeference: &Georeference,
    coding: &Coding,
) -> Result<Vec<u8>> {
    jp2_with(samples, width, height, georeference, coding, &[])
}

/// As [`jp2`]. Creation options of GDAL's `JP2OpenJPEG` driver, such as `PROGRESSION=RPCL`,
/// override what [`Coding`] sets.
///
/// # Errors
///
/// As [`jp2`].
pub fn jp2_with(
    samples: &[u16],
    width: u32,
    height: u32,
    georeference: &Georeference,
    coding: &Coding,
    options: &[&str],
) -> Result<Vec<u8>> {
    if samples.len() as u64 != u64::from(width) * u64::from(height) || samples.is_empty() {
        return Err(Error::SampleCount {
            count: samples.len(),
            width,
            height,
        });
    }
    if let Some(&sample) = samples
        .iter()
        .find(|&&sample| u32::from(sample) >> coding.bits != 0)
    {
        return Err(Error::SampleRange {
            sample,
            bits: coding.bits,
        });
    }
    // GDAL takes the first of several values of one option.
    let options: RasterCreationOptions = options
        .iter()
        .map(|&option| option.to_owned())
        .chain(coding.creation_options())
        .collect();
    let raster = if coding.bits <= 8 {
        let bytes: Vec<u8> = samples
            .iter()
            .map(|&sample| u8::try_from(sample).unwrap_or(u8::MAX))
            .collect();
        raster(&bytes, width as usize, height as usize)?
    } else {
        raster(samples, width as usize, height as usize)?
    };
    let codestream = written(raster, "JP2OpenJPEG", "j2k", &options)?;
    let mut file = boxes::preamble(
        width,
        height,
        coding.bits,
        &gml::root_instance(georeference, width, height),
    );
    file.extend(codestream);
    Ok(file)
}

/// Encodes `width` x `height` samples in row order as a GeoTIFF, by GDAL's driver `GTiff` or `COG`
/// with its creation options.
///
/// # Errors
///
/// If the samples do not fill the raster, and if GDAL refuses the options or the place.
pub fn geotiff(
    samples: &[u16],
    width: u32,
    height: u32,
    georeference: &Georeference,
    driver: &str,
    options: &[&str],
) -> Result<Vec<u8>> {
    if samples.len() as u64 != u64::from(width) * u64::from(height) || samples.is_empty() {
        return Err(Error::SampleCount {
            count: samples.len(),
            width,
            height,
        });
    }
    let mut raster = raster(samples, width as usize, height as usize)?;
    SpatialRef::from_epsg(georeference.epsg.into())
        .and_then(|system| raster.set_spatial_ref(&system))
        .and_then(|()| raster.set_geo_transform(&georeference.geo_transform()))
        .map_err(Error::gdal(
            "place",
            format!("a raster in EPSG:{}", georeference.epsg),
        ))?;
    written(raster, driver, "tif", &options.iter().copied().collect())
}

fn driver(name: &str) -> Result<Driver> {
    DriverManager::get_driver_by_name(name).map_err(Error::gdal("load driver", name))
}

/// The samples as a raster in GDAL's memory.
fn raster<T: GdalType + Copy>(samples: &[T], width: usize, height: usize) -> Result<Dataset> {
    let subject = || format!("a raster of {width} x {height}");
    let raster = driver("MEM")?
        .create_with_band_type::<T, _>("", width, height, 1)
        .map_err(Error::gdal("allocate", subject()))?;
    {
        let mut band = raster
            .rasterband(1)
            .map_err(Error::gdal("allocate", subject()))?;
        for (rows, top) in samples
            .chunks(width * ROWS_AT_A_TIME)
            .zip((0..).step_by(ROWS_AT_A_TIME))
        {
            let shape = (width, rows.len() / width);
            band.write((0, top), shape, &mut Buffer::new(shape, rows.to_vec()))
                .map_err(Error::gdal("fill", subject()))?;
        }
    }
    Ok(raster)
}

/// The file that a driver writes for a raster.
fn written(
    raster: Dataset,
    by: &str,
    extension: &str,
    options: &RasterCreationOptions,
) -> Result<Vec<u8>> {
    let (width, height) = raster.raster_size();
    let target = MemoryFile::new(extension);
    raster
        .create_copy(&driver(by)?, &target.path, options)
        .and_then(Dataset::close)
        .map_err(Error::gdal(
            "encode",
            format!("a raster of {width} x {height}"),
        ))?;
    drop(raster);
    vsi::get_vsi_mem_file_bytes_owned(&target.path).map_err(Error::gdal("read back", by))
}

/// A name in GDAL's in-memory file system, which all threads of the process share.
struct MemoryFile {
    path: PathBuf,
}

impl MemoryFile {
    fn new(extension: &str) -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        Self {
            path: format!("/vsimem/tilefleet-scenes-{number}.{extension}").into(),
        }
    }
}

impl Drop for MemoryFile {
    fn drop(&mut self) {
        // The file is gone if its bytes were taken, and left over if encoding failed.
        let _ = vsi::unlink_mem_file(&self.path);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use gdal::Metadata as _;

    const HERE: Georeference = Georeference {
        epsg: 32755,
        west: 699_960.0,
        north: 6_600_040.0,
        pixel: 10.0,
    };

    fn ramp(width: u32, height: u32) -> Vec<u16> {
        (0..width * height)
            .map(|index| u16::try_from(index.wrapping_mul(7919) % 0x8000).unwrap())
            .collect()
    }

    fn with_dataset<R>(file: Vec<u8>, look: impl FnOnce(&Dataset) -> R) -> R {
        let memory = MemoryFile::new("jp2");
        vsi::create_mem_file(&memory.path, file).unwrap();
        look(&Dataset::open(&memory.path).unwrap())
    }

    /// Segments of the main header by marker, and the markers of the first tile-part's header.
    fn headers(file: &[u8]) -> (Vec<(u16, Vec<u8>)>, Vec<u16>) {
        let start = file
            .windows(4)
            .position(|window| window == [0xff, 0x4f, 0xff, 0x51])
            .unwrap();
        let (mut main, mut tile) = (Vec::new(), Vec::new());
        let mut rest = &file[start + 2..];
        loop {
            let marker = u16::from_be_bytes(rest[..2].try_into().unwrap());
            if marker == 0xff93 {
                return (main, tile);
            }
            let length = usize::from(u16::from_be_bytes(rest[2..4].try_into().unwrap()));
            if tile.is_empty() && marker != 0xff90 {
                main.push((marker, rest[4..2 + length].to_vec()));
            } else {
                tile.push(marker);
            }
            rest = &rest[2 + length..];
        }
    }

    #[test]
    #[expect(clippy::float_cmp, reason = "whole metres are exact")]
    fn gdal_reads_back_place_and_samples() {
        let samples = ramp(96, 64);
        let file = jp2(&samples, 96, 64, &HERE, &Coding::default()).unwrap();
        with_dataset(file, |dataset| {
            assert_eq!(dataset.geo_transform().unwrap(), HERE.geo_transform());
            assert_eq!(dataset.spatial_ref().unwrap().auth_code().unwrap(), 32755);
            let band = dataset.rasterband(1).unwrap();
            assert_eq!(
                band.metadata_item("NBITS", "IMAGE_STRUCTURE").as_deref(),
                Some("15")
            );
            assert_eq!(band.read_band_as::<u16>().unwrap().data(), samples);
        });
    }

    #[test]
    fn markers_are_those_of_a_real_10_m_band() {
        let file = jp2(&ramp(1100, 1030), 1100, 1030, &HERE, &Coding::default()).unwrap();
        let (main, tile) = headers(&file);
        let segment = |marker| &main.iter().find(|(found, _)| *found == marker).unwrap().1;
        // SIZ: no profile, 1024 x 1024 tiles from the origin, one component of 15 bits.
        let siz = segment(0xff51);
        assert_eq!(
            (&siz[..2], &siz[18..26]),
            (&[0, 0][..], &[0, 0, 4, 0, 0, 0, 4, 0][..])
        );
        assert_eq!(siz[34..], [0, 1, 14, 1, 1]);
        // COD: precincts, LRCP, one layer, no colour transform, four decompositions, 64 x 64
        // blocks, 5/3, 256 x 256.
        assert_eq!(
            segment(0xff52)[..],
            [1, 0, 0, 1, 0, 4, 4, 4, 0, 1, 0x88, 0x88, 0x88, 0x88, 0x88]
        );
        // QCD: no quantisation. Guard bits differ (two, not one), and the exponents make up for it.
        assert_eq!(segment(0xff5c)[..2], [0x40, 0x78]);
        assert!(
            main.iter().all(|(marker, _)| *marker != 0xff55),
            "no TLM unless asked for"
        );
        assert_eq!(tile, [0xff90, 0xff58], "PLT in the tile-part");
    }

    #[test]
    fn coding_parameters_can_be_varied() {
        let coding = Coding {
            tile: 128,
            code_block: 32,
            resolutions: 3,
            precinct: 64,
            packet_lengths: false,
            tile_lengths: true,
            ..Coding::default()
        };
        let samples = ramp(200, 150);
        let file = jp2(&samples, 200, 150, &HERE, &coding).unwrap();
        let (main, tile) = headers(&file);
        assert!(main.iter().any(|(marker, _)| *marker == 0xff55));
        assert!(
            main.iter()
                .any(|(marker, segment)| *marker == 0xff52 && segment[5..8] == [2, 3, 3])
        );
        assert_eq!(tile, [0xff90]);
        with_dataset(file, |dataset| {
            assert_eq!(
                dataset
                    .rasterband(1)
                    .unwrap()
                    .read_band_as::<u16>()
                    .unwrap()
                    .data(),
                samples
            );
        });
    }

    #[test]
    fn samples_that_do_not_fit_are_refused() {
        let refused = |samples: &[u16]| {
            jp2(samples, 1, 2, &HERE, &Coding::default())
                .unwrap_err()
                .to_string()
        };
        assert_eq!(refused(&[1]), "1 samples do not fill a raster of 1 x 2");
        assert_eq!(
            refused(&[1, 0x8000]),
            "sample 32768 does not fit in 15 bits"
        );
    }
}
