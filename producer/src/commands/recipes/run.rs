//! `recipes`: lists the recipes, or shows one.

use super::list::list;
use super::show::show;
use crate::cli::{Exit, Output, RecipesArgs};
use crate::error::ProducerError;

/// Lists the recipes, or shows one.
pub(crate) fn run(args: &RecipesArgs, output: &mut Output) -> Result<Exit, ProducerError> {
    match &args.recipe {
        Some(job) => {
            let job = match args.mask {
                Some(clouds) => job.with_cloud_mask(clouds)?,
                None => job.clone(),
            };
            show(&job, output)?;
        }
        None => list(args.sensor, output)?,
    }
    Ok(Exit::Ok)
}
