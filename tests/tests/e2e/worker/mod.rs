//! Workers, and the cells that they hold.

mod bad_cells;
mod dead_letters;
mod interruption;
mod layout;
mod lease;
mod life;
mod outage;
mod poison;
mod probe;
mod rights;
