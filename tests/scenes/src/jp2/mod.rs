//! JPEG 2000 files as ESA writes them.

pub mod boxes;
pub mod encode;
pub mod gml;
