//! The command line of the worker.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand};
use tilefleet_common::domain::{
    Area, AreaError, BoundingBox, CloudMask, Job, Recipe, RecipeError, S3Url, Sensor,
};
use tilefleet_settings::FleetArgs;

use tilefleet_fuse::Compression;

/// Receives cells from the queue, fuses their bands and publishes the rasters.
#[derive(Debug, Parser)]
#[command(name = "worker", version, max_term_width = 100)]
pub struct Cli {
    /// What the worker is to do.
    #[command(subcommand)]
    pub command: Command,
}

/// The commands of the worker.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Process cells until a SIGTERM or SIGINT.
    Run(Box<RunArgs>),
    /// Fuse the bands of one scene, local files or S3 objects, into a Cloud Optimized GeoTIFF.
    Fuse(Box<FuseArgs>),
    /// Check the health file of a worker: the exit status is 0 if the worker is alive.
    Health(HealthArgs),
}

/// Arguments of `worker run`.
#[derive(Debug, Args)]
pub struct RunArgs {
    /// Where the fleet is.
    #[command(flatten)]
    pub fleet: FleetArgs,
    /// Stop when the queue is empty and no cell is held.
    #[arg(long)]
    pub until_empty: bool,
    /// Stop after one message, or when there is none.
    #[arg(long, conflicts_with = "until_empty")]
    pub once: bool,
    /// Cells fused at a time; they share the cores [default: one per eight cores].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub slots: Option<u16>,
    /// Cells held in addition: one whose first bytes arrive, and one whose raster is being
    /// finished. With more of them, a receive brings several messages: half of this number, at most
    /// ten.
    #[arg(long, value_name = "N", default_value_t = 2, value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub ahead: u16,
    /// Memory for fusing, in MiB [default: three quarters of what the machine or its control group
    /// allows].
    #[arg(long, value_name = "MIB", value_parser = clap::value_parser!(u32).range(64..))]
    pub memory: Option<u32>,
    /// Memory for fusing of the fleet's largest machine, in MiB: a cell that needs more than this
    /// machine has, but not more than that, goes back to the queue [default: --memory].
    #[arg(long, env = "TILEFLEET_LARGEST_MEMORY", value_name = "MIB", value_parser = clap::value_parser!(u32).range(64..))]
    pub largest_memory: Option<u32>,
    /// Retryable failures a cell may have before it fails for good.
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..))]
    pub max_failures: u32,
    /// Workers that may die of a cell before it fails for good.
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..))]
    pub max_crashes: u32,
    /// Where malformed messages are copied before they are deleted, as `s3://bucket/prefix`
    /// [default: poison/ in the output bucket of the configuration file; without one they are left
    /// for the dead-letter queue].
    #[arg(long, env = "TILEFLEET_POISON", value_name = "URL")]
    pub poison: Option<S3Url>,
    /// The Auto Scaling group of the machine.
    #[command(flatten)]
    pub machine: MachineArgs,
    /// Seconds in which cells that are being fused may finish after SIGTERM; the others go back to
    /// the queue.
    #[arg(long, value_name = "SECONDS", default_value_t = 100)]
    pub grace: u64,
    /// Name of this worker in logs and in the ledger [default: host and process id].
    #[arg(long, env = "TILEFLEET_WORKER", value_name = "NAME")]
    pub name: Option<String>,
    /// File that the worker rewrites while it is alive, for `worker health`.
    #[arg(long, env = "TILEFLEET_HEALTH_FILE", value_name = "FILE")]
    pub health_file: Option<PathBuf>,
}

/// Arguments of `worker fuse`.
#[derive(Debug, Args)]
pub struct FuseArgs {
    /// The bands, such as B04=red.jp2 B03=green.jp2 B02=s3://bucket/blue.jp2: JPEG 2000 or GeoTIFF
    /// files with one band each. Without a recipe they are on one grid, and stacked in this order.
    #[arg(required = true, value_name = "NAME=FILE", value_parser = NamedBand::parse)]
    pub bands: Vec<NamedBand>,
    /// What the bands become: a built-in recipe such as ndvi, a TOML file, or an expression such as
    /// 'expr:(N-R)/(N+R)'. Bands may have the names of any catalogue.
    #[arg(long, value_name = "NAME|FILE|expr:…", value_parser = recipe)]
    pub recipe: Option<Recipe>,
    /// Mask the clouds of a recipe without masks, and N pixels of the mask around them.
    #[arg(long, value_name = "clouds[:N]", requires = "recipe")]
    pub mask: Option<CloudMask>,
    /// Which part of the bands is made.
    #[command(flatten)]
    pub area: AreaArgs,
    /// The sensor of the bands, if their file names do not say it: sentinel-2, landsat-oli or
    /// landsat-tm.
    #[arg(long, value_name = "NAME", requires = "recipe", value_parser = sensor)]
    pub sensor: Option<Sensor>,
    /// The file to write; it appears when it is complete. A recipe of several rasters writes one file
    /// for each: the raster's name stands before the extension.
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

impl FuseArgs {
    /// The recipe with the mask.
    ///
    /// # Errors
    /// When the recipe has masks already.
    pub fn recipe(&self) -> Result<Option<Recipe>, RecipeError> {
        match (&self.recipe, self.mask) {
            (Some(recipe), Some(clouds)) => recipe.with_cloud_mask(clouds).map(Some),
            (recipe, _) => Ok(recipe.clone()),
        }
    }
}

fn recipe(text: &str) -> Result<Recipe, String> {
    match text.parse::<Job>() {
        Ok(Job::Raster(recipe)) => Ok(recipe),
        Ok(Job::Probe) => Err("probe makes no raster; name a recipe".to_owned()),
        Err(error) => Err(error.to_string()),
    }
}

fn sensor(text: &str) -> Result<Sensor, String> {
    let found = Sensor::ALL.into_iter().find(|sensor| sensor.name() == text);
    found.ok_or_else(|| "expected sentinel-2, landsat-oli or landsat-tm".to_owned())
}

/// Which part of the bands is made. Only a recipe is cut.
#[derive(Debug, Args)]
pub struct AreaArgs {
    /// Cut the raster to the polygons of a GeoJSON file, in longitude and latitude.
    #[arg(long, value_name = "FILE", group = "area", requires = "recipe")]
    pub clip: Option<PathBuf>,
    /// Cut the raster to a box in degrees of longitude and latitude.
    #[arg(
        long,
        value_name = "W,S,E,N",
        group = "area",
        requires = "recipe",
        allow_hyphen_values = true
    )]
    pub bbox: Option<BoundingBox>,
    /// Keep all pixels that the area touches, and not only those whose centre is inside.
    #[arg(long, requires = "area")]
    pub all_touched: bool,
}

impl AreaArgs {
    /// The area that is named; `None` for the whole raster.
    ///
    /// # Errors
    /// [`AreaError`] when the file is not an area.
    pub fn area(&self) -> Result<Option<Area>, AreaError> {
        match (&self.clip, self.bbox) {
            (Some(path), _) => Area::read(&path.to_string_lossy(), self.all_touched).map(Some),
            (None, Some(bounds)) => Area::of_box(bounds, self.all_touched).map(Some),
            (None, None) => Ok(None),
        }
    }
}

/// A band and its file.
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
            _ => Err("expected NAME=FILE, such as B04=red.jp2"),
        }
    }
}

/// How the worker's machine leaves its Auto Scaling group. Ignored without instance metadata.
#[derive(Debug, Args)]
pub struct MachineArgs {
    /// Name of the lifecycle hook in which the group waits, before it terminates a machine, until
    /// the worker has returned its cells to the queue.
    #[arg(
        long,
        env = "TILEFLEET_LIFECYCLE_HOOK",
        value_name = "NAME",
        requires = "autoscaling_group"
    )]
    pub lifecycle_hook: Option<String>,
    /// Seconds that the group waits in this hook.
    #[arg(
        long,
        env = "TILEFLEET_LIFECYCLE_SECONDS",
        value_name = "SECONDS",
        default_value_t = 140
    )]
    pub lifecycle_seconds: u64,
}

/// Arguments of `worker health`.
#[derive(Debug, Args)]
pub struct HealthArgs {
    /// The file that the worker writes.
    #[arg(long = "file", env = "TILEFLEET_HEALTH_FILE", value_name = "FILE")]
    pub health_file: PathBuf,
    /// Age in seconds above which the worker counts as dead.
    #[arg(long, value_name = "SECONDS", default_value = "60", value_parser = seconds)]
    pub max_age: Duration,
}

fn seconds(text: &str) -> Result<Duration, std::num::ParseIntError> {
    text.parse().map(Duration::from_secs)
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn every_command_explains_itself() {
        // The values of variables depend on the environment of the test, the width on its terminal.
        let mut command = Cli::command()
            .term_width(100)
            .disable_help_subcommand(true)
            .mut_subcommands(|command| command.mut_args(|argument| argument.hide_env_values(true)));
        command.build();
        let help = |command: &clap::Command| {
            let name = command.get_bin_name().unwrap_or(command.get_name());
            let help = command.clone().render_long_help().to_string();
            let lines: Vec<&str> = help.lines().map(str::trim_end).collect();
            format!("$ {name} --help\n{}\n", lines.join("\n"))
        };
        let commands = std::iter::once(&command).chain(command.get_subcommands());
        let texts: Vec<String> = commands.map(help).collect();
        insta::assert_snapshot!(texts.join("\n"));
    }
}
