//! The bands of the sensors, and the names by which recipes and catalogues call them.

mod name;
mod table;

pub use name::find_band;
pub(super) use name::{find_band_in_expression, kind_of, list, list_all};
pub use table::{Band, bands_of};
