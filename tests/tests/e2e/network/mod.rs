//! Messages and calls that are lost, repeated, cut or refused on their way.

mod duplicates;
mod hostile;
