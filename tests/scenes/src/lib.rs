//! Synthetic Sentinel-2 scenes in the layout of the public scene bucket, and contact sheets of the
//! results.
//!
//! Real scenes cost money to download and may not be redistributed with a repository, so tests and
//! the demo run on invented ones. They are invented with care, because what breaks a raster
//! pipeline is rarely the picture: it is the box with the 64-bit length, the nodata edge that
//! differs between bands, the fifteen bits in a sixteen-bit type.
//!
//! From the ground up: [`noise`] feeds [`terrain`], [`cover`] lays fields and forests on it,
//! [`spectrum`] gives those their reflectance, [`cloud`] hides part of it, [`swath`] cuts it off,
//! [`scene`] reads it out as a band's samples. [`encode`] turns samples into a JPEG 2000 file
//! ([`boxes`], [`gml`]) at a place on the grid ([`mgrs`]), and [`layout`] puts the files where
//! a worker looks for them, many at a time with [`generate`]. [`contact_sheet`] draws what the
//! workers made, as [`thumbnail`]s on a [`canvas`].
//!
//! A scene is a pure function of its [`Scene`]: the same one gives the same bytes, on any day.

mod error;
pub mod generate;
mod jp2;
mod landscape;
pub mod layout;
pub mod mgrs;
mod picture;
pub mod scene;
pub mod swath;

pub use error::{Error, Result};
pub use jp2::encode::{self, Coding, Georeference};
pub use jp2::{boxes, gml};
pub use landscape::spectrum::{self, Band};
pub use landscape::{cloud, cover, noise, terrain};
pub use layout::write_scene;
pub use mgrs::Tile;
pub use picture::{canvas, contact_sheet, thumbnail};
pub use scene::Scene;
pub use swath::Swath;
