//! Messages and calls that are lost, repeated, cut or refused.

mod duplicates;
mod hostile;
