//! Workers, and the cells that they hold.

mod bad_cells;
mod interruption;
mod layout;
mod lease;
mod life;
mod poison;
mod probe;
