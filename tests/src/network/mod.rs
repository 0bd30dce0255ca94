//! Networks between a fleet and its endpoint: [`gate`] holds or cuts all connections, [`proxy`] does
//! to requests and answers what networks and services do to them.

mod batches;
pub mod gate;
mod http;
pub mod proxy;
mod refusal;
mod trouble;

pub use trouble::Trouble;
