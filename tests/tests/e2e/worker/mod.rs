//! The life of a worker and of the cells that it holds.

mod bad_cells;
mod interruption;
mod lease;
pub(crate) mod life;
pub(crate) mod poison;
mod probe;
