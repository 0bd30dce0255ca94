//! A cloud-optimised `GeoTIFF` in one pass: chunks of samples in, in any order and from many
//! threads, bytes out.
//!
//! The unit is the *chunk*: the samples of all bands in a square of [`CHUNK`] pixels. The thread
//! that brings it takes the statistics, compresses its tiles and makes its part of the overviews,
//! while the samples are in the cache. The *body* is all tiles of the full resolution, from left to
//! right and top to bottom. A tile goes to the [`Output`](super::Output) as soon as the tiles before
//! it have come. Overviews wait, compressed, for the *head*, which is known last and comes first in
//! the file.
//!
//! The same samples give the same bytes, whatever the order of the chunks and the number of
//! threads. The layout is that of GDAL's COG driver, see "COG -- Cloud Optimized GeoTIFF generator"
//! among GDAL's raster drivers.

mod any_writer;
mod error;
mod file;
mod in_order;
mod overviews;
mod shape;
mod statistics;
mod tile;
mod writer;

#[cfg(test)]
mod tests;

pub use any_writer::AnyCogWriter;
pub use error::CogError;
pub(crate) use file::{Field, GeoKeys, pixel, system_name};
pub use file::{GeoTags, GeoTagsError};
#[cfg(test)]
pub(crate) use file::{directory, file_of_directories};
pub use overviews::{NotOverviews, Overviews};
pub use shape::{CHUNK, Description, Finished, Shape};
pub use statistics::{BandStatistics, Spread};
pub use tile::{Compression, NotACompression};
pub use writer::{ChunkScratch, CogSample, CogWriter};
