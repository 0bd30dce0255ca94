//! Synthetic Sentinel-2 scenes in the layout of the public scene bucket, and contact sheets of the
//! results.
//!
//! Real scenes cost money to download and may not be redistributed with a repository, so tests and
//! the demo run on synthetic ones. They copy the details of real files that break raster pipelines:
//! the box with the 64-bit length, the nodata edge that differs between bands, and fifteen bits in
//! a sixteen-bit type.
//!
//! The steps, in order:
//!
//! 1. [`terrain`] makes the ground from [`noise`], [`cover`] adds fields and forests, and
//!    [`spectrum`] their reflectance.
//! 2. [`cloud`] hides part of the ground, and [`swath`] cuts off what the satellite did not see.
//! 3. [`scene`] computes the samples of a band.
//! 4. [`encode`] writes them as a JPEG 2000 file ([`boxes`], [`gml`]) at a place on the grid
//!    ([`mgrs`]).
//! 5. [`layout`] puts the files where a worker reads them; [`generate`] does so for many scenes.
//!
//! [`contact_sheet`] draws the workers' rasters as [`thumbnail`]s on a [`canvas`].
//!
//! Equal [`Scene`] values give equal bytes, on any day and machine.

mod error;
pub mod generate;
mod georeference;
mod jp2;
mod landscape;
pub mod layout;
pub mod mgrs;
mod picture;
pub mod scene;
pub mod swath;

pub use error::{Error, Result};
pub use georeference::Georeference;
pub use jp2::encode::{self, Coding};
pub use jp2::{boxes, gml};
pub use landscape::spectrum::{self, Band};
pub use landscape::{cloud, cover, noise, terrain};
pub use layout::write_scene;
pub use mgrs::Tile;
pub use picture::{canvas, contact_sheet, thumbnail};
pub use scene::Scene;
pub use swath::Swath;
