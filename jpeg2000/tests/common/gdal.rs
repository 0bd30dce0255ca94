//! GDAL's `JP2OpenJPEG` driver, which writes the files to decode and is what the decoder is
//! compared with.

use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use gdal::raster::{Buffer, RasterCreationOptions};
use gdal::{Dataset, DatasetOptions, DriverManager, GdalOpenFlags, vsi};

use super::image::Raster;

/// The name of a file in GDAL's memory, which all threads of the process share. Dropping it deletes
/// the file.
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

/// Encodes samples of `bits` bits with creation options of the driver.
///
/// # Errors
/// GDAL refuses the combination of options.
pub(crate) fn encode(
    raster: &Raster,
    bits: u8,
    options: &[String],
) -> Result<Bytes, gdal::errors::GdalError> {
    // The image as a dataset in memory.
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
    // A copy of it with the options.
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

/// Decodes a file of one band with GDAL.
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
