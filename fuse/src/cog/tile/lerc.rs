//! LERC tiles, encoded by the library that GDAL is linked to.
//!
//! GDAL has no call for it, but a TIFF of one tile in its memory holds just that tile.

use gdal::raster::{Buffer, RasterCreationOptions};
use gdal::{DriverManager, vsi};

use crate::cog::file::{Field, GeoTagsError, directory};
use crate::cog::tile::interleave::{Pixels, Tiling};
use crate::gdal::MemoryFolder;
use crate::sample::Sample;

/// Value of the tag `LercParameters`: version 4 of the bit stream, and no further compression
/// (libtiff's `tif_lerc.c`).
pub(crate) const PARAMETERS: [u32; 2] = [4, 0];

/// The data of one tile. Outside of the image it is 0.
pub(crate) fn encode<T: Sample>(
    tiling: Tiling,
    pixels: &Pixels<'_, T>,
) -> Result<Vec<u8>, GeoTagsError> {
    let folder = MemoryFolder::new();
    let path = folder.path("tile.tif");
    let size = tiling.size;
    let mut options = RasterCreationOptions::new();
    for (key, value) in [
        ("COMPRESS", "LERC"),
        ("MAX_Z_ERROR", "0"),
        ("INTERLEAVE", "PIXEL"),
        ("TILED", "YES"),
        ("BLOCKXSIZE", &size.to_string()),
        ("BLOCKYSIZE", &size.to_string()),
    ] {
        options.set_name_value(key, value)?;
    }
    // Write a TIFF of this one tile in memory.
    let driver = DriverManager::get_driver_by_name("GTiff")?;
    let dataset = driver.create_with_band_type_with_options::<T, _>(
        &path,
        size,
        size,
        tiling.bands,
        &options,
    )?;
    for band in 0..tiling.bands {
        let mut samples = vec![T::default(); size.saturating_mul(size)];
        for (index, out) in samples
            .chunks_exact_mut(size)
            .take(pixels.height)
            .enumerate()
        {
            for (out, &sample) in out.iter_mut().zip(pixels.row(band, index)) {
                *out = sample;
            }
        }
        let mut samples = Buffer::new((size, size), samples);
        dataset
            .rasterband(band.saturating_add(1))?
            .write((0, 0), (size, size), &mut samples)?;
    }
    dataset.close()?;
    // Take the tile's data out of it.
    let file = vsi::get_vsi_mem_file_bytes_owned(&path)?;
    let entries = directory(&file)?;
    let place = |tag| {
        entries
            .iter()
            .find(|entry| entry.tag == tag)
            .and_then(Field::first_integer)
    };
    // Tags 324 and 325, TileOffsets and TileByteCounts (TIFF 6.0, section 15).
    let tile = place(324).zip(place(325)).and_then(|(offset, length)| {
        let (offset, length) = (usize::try_from(offset).ok()?, usize::try_from(length).ok()?);
        file.get(offset..offset.checked_add(length)?)
    });
    tile.map(<[u8]>::to_vec).ok_or(GeoTagsError::Malformed {
        detail: "a tile without data",
    })
}
