//! Reads the headers of the bands and makes sure that they fit together.

use std::sync::Arc;

use crate::area::Place;
use crate::cancel::Cancel;
use crate::cog::{CHUNK, Compression, GeoTags, Shape};
use crate::error::FuseError;
use crate::gdal::Session;
use crate::georeference;
use crate::grid::{OutputGrid, Rect, output_grid};
use crate::input::{self, OpenedBand, header};
use crate::kernel::{InputBand, Inputs, Kernel, Outputs, WindowSize};
use crate::pipeline::{Layout, memory};
use crate::request::{Request, check_band_names, check_names, output_scales};
use crate::scale::ScaleOffset;

/// Bands that fit together, before the first of them is decoded.
pub struct Prepared {
    pub(crate) request: Request,
    pub(crate) bands: Vec<OpenedBand>,
    /// The bands as the kernel sees them.
    inputs: Vec<InputBand>,
    pub(crate) layout: Layout,
    /// Of the output.
    pub(crate) shape: Shape,
    /// Of the bands of the output.
    pub(crate) names: Vec<String>,
    pub(crate) scales: Vec<Option<ScaleOffset>>,
    pub(crate) grid: OutputGrid,
    /// Of the grid.
    pub(crate) georeference: GeoTags,
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
    let (Some(first_band), Some(first)) = (request.bands.first(), georeferences.first()) else {
        return Err(FuseError::Request {
            detail: "it has no bands".into(),
        });
    };
    if request.kernel.needs_one_grid() {
        header::agree(&request.bands, &headers)?;
        georeference::agree(&request.bands, &georeferences)?;
    }
    let resolution = request.kernel.resolution();
    let (grid, ratios) = output_grid(&request.bands, &headers, &georeferences, &resolution)?;
    let inputs = request.bands.iter().zip(headers).zip(ratios);
    let inputs = inputs.map(|((band, header), ratios)| InputBand {
        name: band.name.clone(),
        sample_type: header.sample_type(),
        size: (header.grid.width, header.grid.height),
        ratios,
    });
    let inputs = inputs.collect();
    let georeference = first.tags(&grid.transform, first_band)?;
    planned(request, bands, inputs, grid, georeference)
}

/// Asks the kernel for its outputs, and cuts them into chunks.
fn planned(
    request: Request,
    bands: Vec<OpenedBand>,
    inputs: Vec<InputBand>,
    grid: OutputGrid,
    georeference: GeoTags,
) -> Result<Prepared, FuseError> {
    let of_kernel = Inputs {
        bands: &inputs,
        image: grid.size,
    };
    let Outputs { names, nodata } = outputs(&request, &of_kernel)?;
    let crop = crop(&request, grid.size)?;
    let shape = Shape {
        width: crop.width,
        height: crop.height,
        bands: names.len(),
        nodata,
    };
    let headers: Vec<_> = bands.iter().map(|band| &band.header).collect();
    let kernel = &request.kernel;
    let seen = inputs.iter().enumerate();
    let seen = seen.map(|(index, band)| (band.grid(), kernel.reach(&of_kernel, index)));
    Ok(Prepared {
        layout: Layout::new(grid.size, crop, kernel.margin(), seen),
        scales: output_scales(&request, &headers, names.len())?,
        request,
        bands,
        inputs,
        shape,
        names,
        grid,
        georeference,
    })
}

/// What the kernel makes of the bands.
fn outputs(request: &Request, inputs: &Inputs<'_>) -> Result<Outputs, FuseError> {
    let kernel = &request.kernel;
    let outputs = kernel.outputs(inputs)?;
    check_band_names(&outputs.names)?;
    let wrong = |detail: String| Err(FuseError::Request { detail });
    if outputs.names.is_empty() {
        return wrong("its kernel has no outputs".into());
    }
    let reaches = (0..inputs.bands.len()).map(|band| kernel.reach(inputs, band));
    let margin = reaches.max().unwrap_or(0).max(kernel.margin());
    if margin > CHUNK {
        return wrong(format!(
            "its kernel needs a margin of {margin} pixels, and {CHUNK} are the most"
        ));
    }
    let is_nan = outputs.nodata.value().is_nan();
    if is_nan && outputs.names.len() > 1 && request.compression == Compression::Lerc {
        return wrong("LERC cannot hold NaN in several bands: choose another compression".into());
    }
    Ok(outputs)
}

/// The part of the grid that the output is.
fn crop(request: &Request, grid: (u32, u32)) -> Result<Rect, FuseError> {
    let whole = Rect::whole(grid);
    match request.crop {
        None => Ok(whole),
        Some(crop) if crop.area() > 0 && crop.intersection(whole) == crop => Ok(crop),
        Some(crop) => Err(FuseError::Request {
            detail: format!(
                "columns {:?} and rows {:?} are not a part of its grid of {}x{} pixels",
                crop.columns(),
                crop.rows(),
                grid.0,
                grid.1
            ),
        }),
    }
}

impl Prepared {
    /// The same bands with another kernel and crop, which can be made when the
    /// [`grid`](Self::grid) is known. Nothing is read.
    ///
    /// # Errors
    /// See [`FuseError`]; also if the kernel asks for another grid than the one before.
    pub fn with_kernel(
        self,
        kernel: Arc<dyn Kernel>,
        crop: Option<Rect>,
    ) -> Result<Self, FuseError> {
        let before = &self.request.kernel;
        if kernel.resolution() != before.resolution()
            || kernel.needs_one_grid() && !before.needs_one_grid()
        {
            return Err(FuseError::Request {
                detail: "its second kernel asks for another grid than the first".into(),
            });
        }
        let request = Request {
            kernel,
            crop,
            ..self.request
        };
        let Self { bands, inputs, .. } = self;
        planned(request, bands, inputs, self.grid, self.georeference)
    }

    /// Upper bound in bytes of what [`run`](Self::run) has in memory at a time. What its sources
    /// read ahead and what its output holds back is not in it.
    ///
    /// It assumes that the main header describes all tiles. A tile whose own header needs GDAL
    /// brings the whole file into memory in addition.
    pub fn memory_needed(&self) -> u64 {
        let layout = &self.layout;
        let outputs = Outputs {
            names: self.names.clone(),
            nodata: self.shape.nodata,
        };
        let bands = layout.bands().iter().map(|band| band.largest_window);
        let bands: Vec<_> = bands.collect();
        let window = WindowSize {
            pixels: layout.window_pixels(),
            bands: &bands,
        };
        let kernel = self.request.kernel.working_bytes(&window, &outputs);
        memory::needed(layout, self.shape, &self.bands, kernel, self.threads())
    }

    /// Where the output lies, before it is cropped.
    pub fn grid(&self) -> &OutputGrid {
        &self.grid
    }

    /// Where that grid is on Earth.
    pub fn place(&self) -> Place {
        Place {
            system: self.grid.system.clone(),
            transform: self.grid.transform,
            size: self.grid.size,
        }
    }

    /// The bands as the kernel sees them, in the order of the request.
    pub fn inputs(&self) -> &[InputBand] {
        &self.inputs
    }

    /// Scale and offset that the file of each input names; nothing where its numbers stand for
    /// themselves.
    pub fn input_scales(&self) -> Vec<Option<ScaleOffset>> {
        self.bands.iter().map(|band| band.header.scale).collect()
    }

    /// Pixels of a row of the output.
    pub fn width(&self) -> u32 {
        self.shape.width
    }

    /// Rows of the output.
    pub fn height(&self) -> u32 {
        self.shape.height
    }

    pub(crate) fn threads(&self) -> usize {
        self.request.threads.max(1)
    }
}
