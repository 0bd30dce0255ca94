//! The errors of this crate, each with the input that caused it.

use std::path::PathBuf;

/// A failure of this crate.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Metric math that this crate does not understand.
    #[error("cannot read the expression {expression:?} at character {at}: {why}")]
    Expression {
        /// The expression as given.
        expression: String,
        /// Position of the error, in characters from 0.
        at: usize,
        /// What was expected there.
        why: String,
    },
    /// Metric math over a metric that nobody publishes.
    #[error(
        "the expression {expression:?} names {name:?}; known are visible, inflight and desired"
    )]
    Metric {
        /// The expression as given.
        expression: String,
        /// The name in it.
        name: String,
    },
    /// A rendered module that is not of the form that the simulation reads.
    #[error("cannot read what terraform rendered: {0}")]
    Rendered(#[from] serde_json::Error),
    /// A file or program that cannot be used.
    #[error("cannot use {path}")]
    Io {
        /// The file or program.
        path: PathBuf,
        /// The cause.
        source: std::io::Error,
    },
    /// Terraform does not render the module.
    #[error("terraform {command} failed:\n{output}")]
    Terraform {
        /// The subcommand.
        command: String,
        /// Its output.
        output: String,
    },
}
