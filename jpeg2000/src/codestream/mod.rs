//! Markers and headers of the codestream (ISO/IEC 15444-1 Annex A).

pub(crate) mod cod;
pub(crate) mod main_header;
pub(crate) mod marker;
pub(crate) mod siz;
pub(crate) mod tile_part_header;
