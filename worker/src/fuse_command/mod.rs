//! `worker fuse`: the fuse core on the command line, without queue or ledger.
//!
//! The arguments become one or more rasters to make (`rasters`); for each of them bands are opened
//! (`input`) and a target is written (`target`). Nothing is visible before all of them are complete
//! (`run`).

mod input;
mod rasters;
mod run;
mod summary;
mod target;

pub use run::run;
