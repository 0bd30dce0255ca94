//! `verify`: sets, items and rasters of a task held against each other.
//!
//! `difference` finds what does not agree, `rasters` asks S3 for the rasters, `repair` has the
//! protocol do it again. Nothing is taken back that the protocol could not take back itself: a
//! repair is a retry of the cell, or its message.

mod difference;
mod rasters;
mod repair;
mod run;

pub(crate) use run::run;
