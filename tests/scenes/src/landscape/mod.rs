//! The generated ground and the sky above it, as functions of map coordinates.

pub mod cloud;
pub(crate) mod coarse;
pub mod cover;
pub mod noise;
pub mod spectrum;
pub mod terrain;
