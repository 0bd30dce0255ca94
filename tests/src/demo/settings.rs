//! What a user can choose.

use std::path::PathBuf;

use anyhow::{Context as _, Result};
use clap::Parser;

/// The whole fleet on this machine: scenes, queue, workers, rasters, and a picture of them
#[derive(Debug, Clone, Parser)]
#[command(version)]
pub struct Settings {
    /// Directory for everything that the demo leaves behind
    #[arg(long, value_name = "DIR", default_value = "demo-output")]
    pub output: PathBuf,

    /// Directory of real scenes in the layout of the Sentinel-2 buckets, instead of generated ones
    #[arg(long, value_name = "DIR")]
    pub scenes: Option<PathBuf>,

    /// Width and height of the generated scenes in pixels
    #[arg(long, value_name = "PIXELS", default_value_t = 2000)]
    pub scene_size: u32,

    /// Worker processes
    #[arg(long, value_name = "N", default_value_t = 2)]
    pub workers: u32,

    /// Submit as a new task even if the same cells were done before
    #[arg(long)]
    pub again: bool,

    /// Stay up at the end, to be looked at from another terminal
    #[arg(long)]
    pub keep: bool,
}

impl Settings {
    /// The directory of the state that belongs to the chosen scenes.
    pub(crate) fn home(&self) -> Result<PathBuf> {
        let Some(scenes) = &self.scenes else {
            return Ok(self.output.join(format!("generated-{}", self.scene_size)));
        };
        let scenes = scenes
            .canonicalize()
            .with_context(|| format!("no directory of scenes {}", scenes.display()))?;
        let name: String = scenes
            .to_string_lossy()
            .chars()
            .map(|c| if c.is_ascii_alphanumeric() { c } else { '-' })
            .collect();
        Ok(self.output.join(format!("real{name}")))
    }
}
