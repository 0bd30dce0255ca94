//! The AWS side of a fleet: a local endpoint, the resources in it, what an EC2 instance answers,
//! and what topic and buckets hold.

pub mod endpoint;
pub mod instance;
pub(crate) mod notices;
pub mod objects;
pub(crate) mod stack;
