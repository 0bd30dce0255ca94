//! What goes wrong that is not a cell's fault: whose fault it is, and the breakers that keep the
//! worker from working against it.

mod access;
mod blame;
mod breakers;
mod probe;

pub use access::KnownBuckets;
pub use blame::{Blame, Dependency, Trouble, bucket_of, of_ledger, of_queue, of_scene, of_upload};
pub use breakers::Breakers;
pub(crate) use breakers::bucket_wait;
pub use probe::Probe;
