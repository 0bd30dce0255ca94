//! Reads the headers of the bands and makes sure that they fit together.

use crate::cancel::Cancel;
use crate::cog::{CHUNK, Compression, GeoTags, Shape};
use crate::error::FuseError;
use crate::gdal::Session;
use crate::georeference;
use crate::input::{self, OpenedBand, header};
use crate::kernel::{Inputs, Outputs};
use crate::pipeline::{Layout, memory};
use crate::request::{Request, check_band_names, check_names, output_scales};
use crate::sample::SampleType;
use crate::scale::ScaleOffset;

/// Bands that fit together, before the first of them is decoded.
pub struct Prepared {
    pub(crate) request: Request,
    pub(crate) bands: Vec<OpenedBand>,
    /// Of the output.
    pub(crate) shape: Shape,
    /// Of the bands of the output.
    pub(crate) names: Vec<String>,
    pub(crate) scales: Vec<Option<ScaleOffset>>,
    pub(crate) georeference: GeoTags,
    pub(crate) crs: String,
    pub(crate) transform: [f64; 6],
}

/// Reads the headers of the bands and makes sure that they fit together. Little is read, nothing
/// decoded.
///
/// Blocks the calling thread, on which it configures GDAL until it returns. On the first call
/// GDAL's error handler and block cache are set up for the process.
///
/// # Errors
/// See [`FuseError`].
pub fn prepare(request: Request, cancel: &Cancel) -> Result<Prepared, FuseError> {
    check_names(&request)?;
    let session = Session::start()?;
    let (mut bands, mut georeferences) = (Vec::new(), Vec::new());
    for band in &request.bands {
        let (opened, georeference) = input::open(&session, band, cancel)?;
        bands.push(opened);
        georeferences.push(georeference);
    }
    let headers: Vec<_> = bands.iter().map(|band| &band.header).collect();
    header::agree(&request.bands, &headers)?;
    georeference::agree(&request.bands, &georeferences)?;
    let (Some(first_band), Some(first), Some(georeference)) =
        (request.bands.first(), bands.first(), georeferences.first())
    else {
        return Err(FuseError::Request {
            detail: "it has no bands".into(),
        });
    };
    let Outputs { names, nodata } = outputs(&request, first.header.sample_type())?;
    let shape = Shape {
        width: first.header.grid.width,
        height: first.header.grid.height,
        bands: names.len(),
        nodata,
    };
    Ok(Prepared {
        shape,
        scales: output_scales(&request, &headers, names.len())?,
        names,
        georeference: georeference.tags(&georeference.transform, first_band)?,
        crs: georeference.system_name(),
        transform: georeference.transform,
        request,
        bands,
    })
}

/// What the kernel makes of the bands.
fn outputs(request: &Request, sample_type: SampleType) -> Result<Outputs, FuseError> {
    let names: Vec<_> = request.bands.iter().map(|band| band.name.clone()).collect();
    let outputs = request.kernel.outputs(&Inputs {
        names: &names,
        sample_type,
    })?;
    check_band_names(&outputs.names)?;
    let wrong = |detail: String| Err(FuseError::Request { detail });
    if outputs.names.is_empty() {
        return wrong("its kernel has no outputs".into());
    }
    if request.kernel.margin() > CHUNK {
        return wrong(format!(
            "its kernel needs a margin of {} pixels, and {CHUNK} are the most",
            request.kernel.margin()
        ));
    }
    let is_nan = outputs.nodata.value().is_nan();
    if is_nan && outputs.names.len() > 1 && request.compression == Compression::Lerc {
        return wrong("LERC cannot hold NaN in several bands: choose another compression".into());
    }
    Ok(outputs)
}

impl Prepared {
    /// Upper bound in bytes of what [`run`](Self::run) has in memory at a time. What its sources
    /// read ahead and what its output holds back is not in it.
    ///
    /// It assumes that the main header describes all tiles. A tile whose own header needs GDAL
    /// brings the whole file into memory in addition.
    pub fn memory_needed(&self) -> u64 {
        let layout = self.layout();
        let outputs = Outputs {
            names: self.names.clone(),
            nodata: self.shape.nodata,
        };
        let kernel = &self.request.kernel;
        let kernel = kernel.working_bytes(layout.window_pixels(), &outputs);
        memory::needed(layout, self.shape, &self.bands, kernel, self.threads())
    }

    /// Scale and offset that the file of each input names; nothing where its numbers stand for
    /// themselves.
    pub fn input_scales(&self) -> Vec<Option<ScaleOffset>> {
        self.bands.iter().map(|band| band.header.scale).collect()
    }

    /// Pixels of a row.
    pub fn width(&self) -> u32 {
        self.shape.width
    }

    /// Rows.
    pub fn height(&self) -> u32 {
        self.shape.height
    }

    pub(crate) fn layout(&self) -> Layout {
        Layout {
            width: self.shape.width,
            height: self.shape.height,
            bands: self.bands.len(),
            margin: self.request.kernel.margin(),
        }
    }

    pub(crate) fn threads(&self) -> usize {
        self.request.threads.max(1)
    }
}
