//! `CloudWatch`: metrics, metric math, and alarms on it.

pub mod alarm;
pub mod expression;
pub mod metrics;
mod token;
