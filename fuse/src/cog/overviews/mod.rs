//! The smaller levels of an image.

mod area;
mod cascade;
mod halve;
mod halving;
mod levels;
mod mean;
mod method;
mod pick;
mod strips;

pub(crate) use cascade::{Cascade, TileRow};
pub(crate) use halving::halve_in_place;
pub(crate) use levels::{Level, in_chunks, levels};
pub(crate) use mean::Mean;
pub use method::{NotOverviews, Overviews};
pub(crate) use strips::{Strip, Strips};
