//! Drives the built binaries against a running AWS endpoint.
//!
//! [`Endpoint`] is that endpoint, [`Stack`] the fleet's resources in it, [`Fleet`] the `producer`
//! and `worker` binaries set up for the stack, [`Process`] one that runs in the background. The
//! end-to-end tests and the demo are written with these four; neither links the code of producer or
//! worker.

pub mod demo;
pub mod endpoint;
pub mod fleet;
pub mod gate;
pub mod instance;
pub mod layout;
pub mod notices;
pub mod objects;
pub mod poll;
pub mod probe;
pub mod process;
pub mod proxy;
pub mod stack;

pub use endpoint::Endpoint;
pub use fleet::{Finished, Fleet};
pub use gate::{Gate, Passage};
pub use instance::Instance;
pub use notices::{Notice, Notices};
pub use poll::eventually;
pub use process::Process;
pub use proxy::{Plan, Proxy, Trouble};
pub use stack::{Stack, StackOptions};
