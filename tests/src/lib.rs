//! Drives the built binaries against a running AWS endpoint.
//!
//! [`Endpoint`] is that endpoint, [`Stack`] the fleet's resources in it, [`Fleet`] the `producer`
//! and `worker` binaries set up for the stack, [`Process`] one that runs in the background. The
//! end-to-end tests and the demo are written with these four; neither links the code of producer or
//! worker.

mod aws;
pub mod demo;
mod fleet;
pub mod layout;
mod network;
pub mod poll;

pub use aws::endpoint::{self, Endpoint};
pub use aws::group::{self, MachineGroup};
pub use aws::instance::{self, Instance};
pub use aws::notices::{Notice, Notices};
pub use aws::objects;
pub use aws::stack::{Stack, StackOptions};
pub use fleet::binaries::{Finished, Fleet};
pub use fleet::probe;
pub use fleet::process::{self, Process};
pub use network::gate::{Gate, Passage};
pub use network::proxy::{Plan, Proxy};
pub use network::{Abroad, Trouble};
pub use poll::eventually;
