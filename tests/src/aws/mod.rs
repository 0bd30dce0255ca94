//! The AWS side of a fleet: a local endpoint, the resources in it, what an EC2 instance answers
//! and a group of them, and what topic and buckets hold.

pub mod endpoint;
pub mod group;
pub mod instance;
mod loopback;
pub(crate) mod notices;
pub mod objects;
pub(crate) mod stack;
