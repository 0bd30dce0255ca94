//! The command line of the worker.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand};
use tilefleet_common::domain::S3Url;
use tilefleet_settings::FleetArgs;

use crate::fuse::Compression;

/// Takes cells from the queue, fuses their bands and writes the rasters back.
#[derive(Debug, Parser)]
#[command(name = "worker", version, max_term_width = 100)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What the worker can do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Work on cells until told to stop (SIGTERM or SIGINT).
    Run(Box<RunArgs>),
    /// Fuse the bands of one scene, local files or S3 objects, into a Cloud Optimized GeoTIFF.
    Fuse(FuseArgs),
    /// Tell by exit status whether the worker that writes a health file is alive.
    Health(HealthArgs),
}

/// How to run.
#[derive(Debug, Args)]
pub struct RunArgs {
    /// Where the fleet is.
    #[command(flatten)]
    pub fleet: FleetArgs,
    /// Stop when the queue has nothing to give and no cell is held.
    #[arg(long)]
    pub until_empty: bool,
    /// Stop after one message, or when there is none.
    #[arg(long, conflicts_with = "until_empty")]
    pub once: bool,
    /// Cells fused at a time, which share the cores [default: one per eight cores].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub slots: Option<u16>,
    /// Cells held beyond those: one whose first bytes arrive, and one whose raster is finished.
    /// With more of them, short cells are received several by one request: when half of these are
    /// used up, ten at most.
    #[arg(long, value_name = "N", default_value_t = 2, value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub ahead: u16,
    /// Memory for fusing, in MiB [default: three quarters of what the machine or its control group
    /// allows].
    #[arg(long, value_name = "MIB", value_parser = clap::value_parser!(u32).range(64..))]
    pub memory: Option<u32>,
    /// Tries of a cell that fail in a way that may pass, before it is given up.
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..))]
    pub max_failures: u32,
    /// Workers that may die of a cell, before it is given up.
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..))]
    pub max_crashes: u32,
    /// Where messages that are no cells are kept, as `s3://bucket/prefix` [default: poison/ in the
    /// output bucket of the configuration file, or else they are left for the dead-letter queue].
    #[arg(long, env = "TILEFLEET_POISON", value_name = "URL")]
    pub poison: Option<S3Url>,
    /// What the worker is told of its machine.
    #[command(flatten)]
    pub machine: MachineArgs,
    /// Seconds in which cells that are being fused may still finish after SIGTERM; the rest goes
    /// back to the queue.
    #[arg(long, value_name = "SECONDS", default_value_t = 100)]
    pub grace: u64,
    /// Name of this worker in logs and in the ledger [default: host and process id].
    #[arg(long, env = "TILEFLEET_WORKER", value_name = "NAME")]
    pub name: Option<String>,
    /// File that is rewritten while this worker is alive, for `worker health`.
    #[arg(long, env = "TILEFLEET_HEALTH_FILE", value_name = "FILE")]
    pub health_file: Option<PathBuf>,
}

/// What to fuse, and into what.
#[derive(Debug, Args)]
pub struct FuseArgs {
    /// The bands in the order of the output, such as B04=red.jp2 B03=green.jp2
    /// B02=s3://bucket/blue.jp2: JPEG 2000 or GeoTIFF files of one band each, of the same size and
    /// place.
    #[arg(required = true, value_name = "NAME=FILE", value_parser = NamedBand::parse)]
    pub bands: Vec<NamedBand>,
    /// The file to write; it appears when it is complete.
    #[arg(short, long, value_name = "FILE")]
    pub output: String,
    /// Threads that decode and compress [default: one per core].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub threads: Option<u16>,
    /// Compression of the output: deflate, zstd, lerc or none; the first two with a level, such as
    /// deflate:9.
    #[arg(long, value_name = "NAME[:LEVEL]", default_value_t)]
    pub compress: Compression,
    /// Read S3 objects requester pays.
    #[arg(long)]
    pub request_payer: bool,
}

/// A band and where it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamedBand {
    /// Its name in the output.
    pub name: String,
    /// A path or an s3:// address.
    pub place: String,
}

impl NamedBand {
    fn parse(text: &str) -> Result<Self, &'static str> {
        match text.split_once('=') {
            Some((name, place)) if !name.is_empty() && !place.is_empty() => Ok(Self {
                name: name.into(),
                place: place.into(),
            }),
            _ => Err("a name, an equals sign and a file are expected, such as B04=red.jp2"),
        }
    }
}

/// How the worker's machine leaves its Auto Scaling group. Without effect where there is no instance
/// metadata.
#[derive(Debug, Args)]
pub struct MachineArgs {
    /// Name of the hook in which the group waits before it ends a machine, until the worker has
    /// handed back its cells.
    #[arg(
        long,
        env = "TILEFLEET_LIFECYCLE_HOOK",
        value_name = "NAME",
        requires = "autoscaling_group"
    )]
    pub lifecycle_hook: Option<String>,
    /// Seconds that the group waits in that hook.
    #[arg(
        long,
        env = "TILEFLEET_LIFECYCLE_SECONDS",
        value_name = "SECONDS",
        default_value_t = 140
    )]
    pub lifecycle_seconds: u64,
}

/// Whose health to tell.
#[derive(Debug, Args)]
pub struct HealthArgs {
    /// The file that the worker was told to write.
    #[arg(long = "file", env = "TILEFLEET_HEALTH_FILE", value_name = "FILE")]
    pub health_file: PathBuf,
    /// Seconds after which a worker that has not written counts as dead.
    #[arg(long, value_name = "SECONDS", default_value = "60", value_parser = seconds)]
    pub max_age: Duration,
}

fn seconds(text: &str) -> Result<Duration, std::num::ParseIntError> {
    text.parse().map(Duration::from_secs)
}
