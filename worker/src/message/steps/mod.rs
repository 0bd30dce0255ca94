//! The steps of the ledger's protocol for the holder of a message, and the worker's own among them: the
//! work on a cell, denied buckets, and dead letters.

mod area;
mod dead_letters;
mod denied;
mod run;
mod work;
