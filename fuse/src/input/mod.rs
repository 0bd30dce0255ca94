//! The bands as tiles that any thread can decode, whatever their format.

mod band_reader;
mod format;
mod geotiff;
pub(crate) mod header;
mod jpeg2000;
mod open;
mod source;

pub(crate) use band_reader::{DecodeScratch, OpenedBand, TileReader, fit};
pub(crate) use open::open;
pub use source::{FileSource, Source};
