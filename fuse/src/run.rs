//! The fusion itself: from bands that fit together to a COG.

use bytes::Bytes;

use crate::cancel::Cancel;
use crate::cog::{AnyCogWriter, BandStatistics, Description};
use crate::error::FuseError;
use crate::grid::Rect;
use crate::kernel::KernelSink;
use crate::output::Output;
use crate::pipeline::{self, BandTiles};
use crate::prepare::Prepared;
use crate::request::Progress;
use crate::sample::SampleType;
use crate::scale::ScaleOffset;

/// A cloud-optimised `GeoTIFF` whose body has gone to the [`Output`], and what is worth knowing
/// about it without opening it.
#[derive(Clone, Debug)]
pub struct Cog {
    /// What goes in front of the body; the same bytes for the same request, every time. Its length
    /// is a multiple of 4096.
    pub head: Vec<Bytes>,
    /// Bytes that went to the output.
    pub body_bytes: u64,
    /// Pixels.
    pub width: u32,
    /// Pixels.
    pub height: u32,
    /// One type for all bands.
    pub sample_type: SampleType,
    /// In the order of the kernel's outputs.
    pub bands: Vec<BandStatistics>,
    /// What the numbers of each band stand for; nothing for numbers that stand for themselves.
    pub scales: Vec<Option<ScaleOffset>>,
    /// Factors of the overviews, smallest first: 2 to 32 for an image of at least 32 pixels a side.
    pub overviews: Vec<u32>,
    /// The coordinate reference system, such as `EPSG:32629`, or its name if it has no code.
    pub crs: String,
    /// Upper left x, pixel width, 0, upper left y, 0, negative pixel height, in units of the
    /// system.
    pub transform: [f64; 6],
}

impl Prepared {
    /// Fuses the bands: the body goes to `output` while it is made, the head is returned. The
    /// output lies on the [`grid`](Self::grid), or is the part of it that the request says, and has
    /// the kernel's data type and nodata value.
    ///
    /// Blocks the calling thread and uses as many others as the request says. `progress` is called
    /// on all of them.
    ///
    /// # Errors
    /// The first [`FuseError`] of any thread; the others have stopped when it is returned.
    pub fn run(
        self,
        output: &dyn Output,
        progress: &(dyn Fn(Progress) + Sync),
        cancel: &Cancel,
    ) -> Result<Cog, FuseError> {
        let threads = self.threads();
        let Self {
            request,
            bands,
            layout,
            shape,
            names,
            scales,
            grid,
            mut georeference,
            ..
        } = self;
        let writer = AnyCogWriter::new(shape, request.overviews, request.compression, output);
        let Some(writer) = writer else {
            return Err(FuseError::Request {
                detail: "its kernel makes samples of a type that no COG can have".into(),
            });
        };
        let sink = KernelSink {
            kernel: &*request.kernel,
            image: layout.image(),
            sample_type: shape.nodata.sample_type(),
            writer,
        };
        let tiles: Vec<_> = bands
            .iter()
            .map(|band| BandTiles {
                grid: &band.header.grid,
                tiles: &*band.tiles,
            })
            .collect();
        // The body goes out while the chunks come in.
        pipeline::run(&tiles, &layout, threads, &sink, progress, cancel)?;
        let read_whole = bands.iter().zip(layout.bands());
        for (band, _) in read_whole.filter(|(_, layout)| layout.is_whole()) {
            cancel.check()?;
            band.tiles.finish()?;
        }
        // What the head says is known now.
        let transform = grid.transform_of(layout.crop());
        if layout.crop() != Rect::whole(grid.size) {
            georeference = georeference.moved_to(transform[0], transform[3]);
        }
        let description = Description {
            names,
            scales: scales.clone(),
            metadata: request.metadata,
            georeference,
        };
        let finished = sink.writer.finish(&description)?;
        Ok(Cog {
            head: finished.head,
            body_bytes: finished.body_bytes,
            width: shape.width,
            height: shape.height,
            sample_type: shape.nodata.sample_type(),
            bands: finished.statistics,
            scales,
            overviews: finished.overviews,
            crs: grid.crs,
            transform,
        })
    }
}
