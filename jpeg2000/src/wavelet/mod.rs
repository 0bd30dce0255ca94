//! The inverse wavelet transformation (ISO/IEC 15444-1 Annex F).

pub(crate) mod inverse;
pub(crate) mod lifting;
