//! The inverse reversible 5/3 wavelet transformation (ISO/IEC 15444-1 Annex F).
//!
//! `inverse` transforms one resolution level row by row, `lifting` has the steps on whole rows.

mod inverse;
pub(crate) mod lifting;

pub(crate) use inverse::{InverseTransform, Row, Subbands};
