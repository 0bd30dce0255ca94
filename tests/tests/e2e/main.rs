//! The end-to-end tests: the built binaries against a running AWS endpoint.
//!
//! A folder is a subject; what several subjects need is in [`support`].

mod crash;
mod deployment;
mod network;
mod operate;
mod raster;
mod submit;
mod support;
mod worker;
