//! Messages and calls that are lost, repeated, cut, refused, never answered, or sent to another
//! region.

mod behind;
mod duplicates;
mod hostile;
mod regions;
mod silence;
