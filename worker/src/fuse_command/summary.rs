//! What `worker fuse` shows: a bar, a line for each raster, errors.

use std::io::IsTerminal as _;

use indicatif::{HumanBytes, ProgressBar, ProgressDrawTarget, ProgressStyle};
use tilefleet_fuse::{Cog, FuseError};

use crate::cell::object_error;

/// The error as the command prints it. For a failed read in S3 this is the error of S3.
pub(super) fn describe(error: FuseError) -> anyhow::Error {
    match &error {
        FuseError::Read { input, error } => match object_error(error) {
            Some(cause) => anyhow::anyhow!("{input}: {cause}"),
            None => anyhow::anyhow!("{input} cannot be read: {error}; check the file and its disk"),
        },
        _ => error.into(),
    }
}

/// A progress bar on a terminal, nothing elsewhere.
pub(super) fn progress_bar(name: &str) -> ProgressBar {
    let target = if std::io::stderr().is_terminal() {
        ProgressDrawTarget::stderr()
    } else {
        ProgressDrawTarget::hidden()
    };
    let style = ProgressStyle::with_template("{msg} {wide_bar} {percent:>3} % {elapsed_precise}");
    let bar = ProgressBar::with_draw_target(None, target).with_message(name.to_owned());
    match style {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}

/// One line about a raster.
#[expect(clippy::print_stdout, reason = "the result of the command")]
pub(super) fn print_summary(name: &str, cog: &Cog) {
    let head: u64 = cog.head.iter().map(|piece| piece.len() as u64).sum();
    println!(
        "{name}: {} x {}, {} band(s), {}, {}",
        cog.width,
        cog.height,
        cog.bands.len(),
        cog.crs,
        HumanBytes(head.saturating_add(cog.body_bytes)),
    );
}
