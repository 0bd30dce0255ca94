//! The environment of a fleet: terraform, the local stack, and the demo.

mod demo;
mod local_stack;
mod terraform;
