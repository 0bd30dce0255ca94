//! The median of the valid pixels in a square.
//!
//! Squares without a missing pixel are filtered many at a time, in vectors: those of 3 and 5 from
//! columns that are sorted once for all squares that have them, larger ones by selection.

mod filter;
mod five;
mod lanes;
mod selection;
mod three;

pub(super) use filter::Median;
