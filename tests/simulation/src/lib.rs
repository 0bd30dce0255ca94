//! The fleet's scaling, minute by minute, from the very expressions and steps that are deployed.
//!
//! `terraform/scaling` holds them without a provider, so terraform itself renders them
//! ([`rendered`]). Around them stand models of what they act on: metrics that come late
//! ([`metrics`]), alarms ([`alarm`]), the Auto Scaling group ([`group`]), machines with a worker
//! each ([`machine`]) and the queue ([`queue`]). Each model names the page of AWS's documentation
//! that it follows, and [`conditions`] says what is assumed where the documentation is silent.

pub mod alarm;
pub mod conditions;
pub mod error;
pub mod expression;
pub mod group;
pub mod machine;
pub mod metrics;
pub mod outcome;
pub mod plot;
pub mod queue;
pub mod rendered;
pub mod table;
mod token;
pub mod world;

pub use conditions::Conditions;
pub use error::Error;
pub use outcome::Outcome;
pub use rendered::Scaling;
pub use world::simulate;
