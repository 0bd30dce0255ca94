//! What producer and worker share: the domain types, the ledger protocol, AWS, and the completion
//! tracker.
//!
//! It knows neither GDAL nor the command lines.

pub mod aws;
pub mod deployment;
pub mod dispatch;
pub mod domain;
pub mod fault;
pub mod hex;
pub mod ledger;
pub mod telemetry;
pub mod terminal;
pub mod tracker;
