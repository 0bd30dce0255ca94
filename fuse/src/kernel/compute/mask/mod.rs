//! Masks: a test of the samples of a band, grown by a dilation, brought to the grids of the others.

mod dilation;
mod rows;
mod test;
mod window;

pub(crate) use rows::MaskRows;
pub(crate) use test::MaskTable;
pub use test::MaskTest;
pub(crate) use window::MaskWindow;
