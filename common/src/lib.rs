//! What producer and worker share: the words of the project, the ledger protocol, AWS, and the
//! completion tracker.
//!
//! Knows neither GDAL nor the command lines.

pub mod aws;
pub mod deployment;
pub mod domain;
pub mod fault;
pub mod hex;
pub mod ledger;
pub mod telemetry;
pub mod tracker;
