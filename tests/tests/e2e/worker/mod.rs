//! The life of a worker and of the cells that it holds.

mod bad_cells;
mod interruption;
mod lease;
mod life;
mod poison;
mod probe;
