//! Simulates the fleet's scaling minute by minute, with the expressions and steps that are
//! deployed.
//!
//! `terraform/scaling` holds them without a provider, so terraform itself renders them
//! ([`rendered`]). The other modules model what they act on: metrics that come late
//! ([`metrics`]), alarms ([`alarm`]), the Auto Scaling group ([`group`]), machines with a worker
//! each ([`machine`]), the queue ([`queue`]) and which cell it delivers next ([`fairness`]). Each model names the page of AWS's documentation
//! that it follows, and [`conditions`] says what is assumed where the documentation is silent.

mod cloudwatch;
pub mod error;
mod fleet;
mod output;
pub mod rendered;

pub use cloudwatch::{alarm, expression, metrics};
pub use error::Error;
pub use fleet::conditions::{self, Conditions};
pub use fleet::outcome::{self, Outcome};
pub use fleet::world::{self, simulate};
pub use fleet::{fairness, group, machine, queue};
pub use output::{plot, table};
pub use rendered::Scaling;
