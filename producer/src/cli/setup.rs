//! Arguments of the commands that set up a fleet and check it.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use tilefleet_common::domain::S3Url;

pub(super) const DOCTOR_NOTES: &str = "\
Doctor changes nothing: it sends no message, starts no worker and writes no item; it begins an
upload and aborts it. It does not test whether messages can be sent and whether the group can be
woken. A resource that your role need not see, or that is not set, is \"not checked\"; that is not
a fault.";

/// Arguments of `doctor`.
#[derive(Debug, Args)]
pub(crate) struct DoctorArgs {
    /// Prefix for results, instead of the fleet's own bucket
    #[arg(long, value_name = "S3_URL")]
    pub(crate) output: Option<S3Url>,
    /// Prefix of the scenes, which are read as requester pays
    #[arg(long, value_name = "S3_URL", default_value = "s3://sentinel-s2-l2a/")]
    pub(crate) scenes: S3Url,
}

/// What to do with the settings.
#[derive(Debug, Clone, Subcommand)]
pub(crate) enum ConfigCommand {
    /// Write tilefleet.toml (or the file of --config) from what terraform output -json prints
    Import(ImportArgs),
    /// Show each setting and where it comes from
    Show,
}

/// Arguments of `config import`.
#[derive(Debug, Clone, Args)]
pub(crate) struct ImportArgs {
    /// What terraform output -json printed; - is standard input
    #[arg(value_name = "FILE|-")]
    pub(crate) input: PathBuf,
    /// Replace a file that has other settings
    #[arg(long)]
    pub(crate) force: bool,
}
